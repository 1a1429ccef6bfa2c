-- A file that was read anew, or is gone, is no longer rejected for what it was before.
update rejections
set resolved_at = $moment
where resolved_at is null
    and stage in ('read', 'parse', 'taxonomy')
    and exists (
        from batch_files as batch
        where batch.is_read
            and batch.source_id = rejections.source_id
            and batch.path = rejections.subject
    )
    and not exists (
        from batch_rejections as batch
        where batch.stage = rejections.stage
            and batch.source_id = rejections.source_id
            and batch.subject = rejections.subject
            and batch.reason = rejections.reason
            and batch.detail = rejections.detail
    )
