-- The run that published this file, of how many sources: the last one, since later ones
-- replace the file.
select
    run_number,
    coalesce(finished_at, started_at) as published_at,
    version,
    (select count(*) from sources) as sources
from runs
order by run_number desc
limit 1
