-- The run that published this file: the last one, since later ones replace the file.
select run_number, coalesce(finished_at, started_at) as published_at, version
from runs
order by run_number desc
limit 1
