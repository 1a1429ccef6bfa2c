-- A run ended as its summary says once its state was published, and not before.
update runs
set status = summary ->> 'status'
where status = 'publishing' and run_number <= $published
