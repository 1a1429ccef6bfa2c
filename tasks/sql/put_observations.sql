-- One row per change that a reader of the hub could see.
merge into observations
using changes_seen as seen
on observations.document_id = seen.document_id
    and observations.observed_at = seen.observed_at
when matched and (
    observations.title, observations.heat, observations.quality,
    observations.is_published, observations.revision
) is distinct from (
    seen.title, seen.heat, seen.quality, seen.is_published, seen.revision
) then update set
    title = seen.title,
    heat = seen.heat,
    quality = seen.quality,
    is_published = seen.is_published,
    revision = seen.revision
when not matched then insert (
    document_id, observed_at, title, heat, quality, is_published, revision
)
values (
    seen.document_id, seen.observed_at, seen.title, seen.heat, seen.quality,
    seen.is_published, seen.revision
)
