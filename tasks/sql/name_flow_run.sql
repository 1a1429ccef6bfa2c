-- A scheduled run is traced to its flow run.
update runs
set flow_run_id = $flow_run_id
where run_id = $run_id
