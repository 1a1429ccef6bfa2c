-- A file that was read anew, or is gone, is no longer rejected for what it was before.
update rejections
set resolved_at = $moment
where resolved_at is null
    and stage in ('read', 'parse', 'taxonomy')
    and source_id = $source_id
    and subject in (select unnest($paths))
    and not exists (
        from batch_rejections as batch
        where batch.stage = rejections.stage
            and batch.source_id = rejections.source_id
            and batch.subject = rejections.subject
            and batch.reason = rejections.reason
            and batch.detail = rejections.detail
    )
