-- What stands in the way, the most frequent first.
select stage, outcome, count, example_subject, example
from failures
order by count desc, stage, reason
limit 30
