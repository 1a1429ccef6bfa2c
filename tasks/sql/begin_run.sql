-- Runs are counted, so that their order never hangs on a clock.
insert into runs (run_id, run_number, started_at, status, version)
select $run_id, coalesce(max(run_number), 0) + 1, $moment, 'running', $version
from runs
returning run_number
