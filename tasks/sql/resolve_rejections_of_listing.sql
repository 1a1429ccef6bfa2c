-- What was no regular file and is gone, or has become one, is no longer rejected.
update rejections
set resolved_at = $moment
where resolved_at is null
    and stage = 'read'
    and source_id = $source_id
    and subject not in (select path from files where source_id = $source_id)
    and subject not in (select subject from batch_rejections)
