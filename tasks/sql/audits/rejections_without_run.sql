-- Every rejection is traced to the run that made it.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(subject, 3), ', '), '') as detail
from rejections
where run_id not in (select run_id from runs)
