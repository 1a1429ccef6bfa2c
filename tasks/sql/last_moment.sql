-- When the last run began, by its own clock.
select started_at
from runs
order by run_number desc
limit 1
