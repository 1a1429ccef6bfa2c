-- What stands in the way, the most frequent first.
select count, stage, outcome, reason as example, example_subject
from failures
order by count desc, stage, reason
limit 30
