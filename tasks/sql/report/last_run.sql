-- The last run that began, and how it ended.
select run_number, started_at, status
from runs
order by run_number desc
limit 1
