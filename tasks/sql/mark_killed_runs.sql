-- Whoever holds the lock knows that no other run is alive.
update runs
set status = if(status = 'publishing', 'unpublished', 'killed')
where status in ('running', 'publishing')
returning flow_run_id
