-- Whoever holds the lock knows that no other run is alive.
update runs
set status = 'killed'
where status = 'running'
