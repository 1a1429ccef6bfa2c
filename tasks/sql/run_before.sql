-- The run whose number is one less, whatever came of it.
select run_id
from runs
where run_number = $number - 1
