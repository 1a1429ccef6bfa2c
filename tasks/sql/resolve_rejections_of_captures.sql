-- A capture that can be read back after all, or is no more, is not damaged.
update rejections
set resolved_at = $moment
where resolved_at is null
    and stage = 'capture'
    and subject_id not in (select subject_id from batch_rejections)
