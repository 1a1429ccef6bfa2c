-- What no longer differs from the version before it is no observation.
delete from observations
where document_id in (select document_id from changes_seen)
    and (document_id, observed_at) not in (
        select (document_id, observed_at) from changes_seen
    )
