-- Runs are counted, so that their order never hangs on a clock, nor on this file alone.
insert into runs (run_id, run_number, started_at, status, version)
select
    $run_id,
    greatest(coalesce(max(run_number), 0), $known) + 1,
    $moment,
    'running',
    $version
from runs
returning run_number
