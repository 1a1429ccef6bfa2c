-- Whoever holds the lock knows that no other run is alive, and which was published last.
update runs
set status = if(status = 'running', 'killed', 'unpublished')
where status = 'running'
    or (
        status in ('complete', 'incomplete')
        and run_number > $published
        and run_number = (select max(run_number) from runs)
    )
returning flow_run_id
