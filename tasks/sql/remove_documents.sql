-- A file that is gone is marked, never deleted.
update documents
set removed_at = $moment
where removed_at is null
    and document_id in (select document_id from batch_ids)
