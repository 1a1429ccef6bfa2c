-- What the last run checked, the rules that do not hold first.
select name as rule, severity, failed_rows, detail
from audits
where run_id = (select arg_max(run_id, run_number) from runs)
order by failed_rows desc, name
