-- A run ends once, with what it did.
update runs
set finished_at = $moment, status = $status, summary = $summary
where run_id = $run_id
