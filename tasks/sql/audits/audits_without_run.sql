-- Every audit is of a run.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(name, 3), ', '), '') as detail
from audits
where run_id not in (select run_id from runs)
