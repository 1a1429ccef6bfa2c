-- The inputs that stand rejected, the newest first.
select
    runs.run_number as run, rejections.stage, rejections.subject, rejections.line,
    rejections.reason, rejections.detail
from rejections
join runs on runs.run_id = rejections.run_id
where rejections.resolved_at is null
order by runs.run_number desc, rejections.stage, rejections.subject
limit 100
