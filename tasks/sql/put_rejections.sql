-- An input that stays rejected for the same reason keeps its one row.
insert into rejections (
    run_id, stage, source_id, subject, subject_id, line, reason, detail
)
select
    $run_id, batch.stage, batch.source_id, batch.subject, batch.subject_id,
    batch.line, batch.reason, batch.detail
from batch_rejections as batch
where not exists (
    from rejections
    where rejections.resolved_at is null
        and rejections.stage = batch.stage
        and rejections.source_id is not distinct from batch.source_id
        and rejections.subject = batch.subject
        and rejections.subject_id is not distinct from batch.subject_id
        and rejections.reason = batch.reason
        and rejections.detail = batch.detail
)
