-- The last runs, the newest first.
select
    run_number,
    started_at,
    status,
    summary ->> 'loaded' as loaded,
    summary ->> 'rejected' as rejected,
    summary ->> 'captured' as captured,
    summary ->> 'failed' as failed,
    summary ->> 'seconds' as seconds
from runs
order by run_number desc
limit 10
