-- Hosts that want to be left alone still.
select host, reason, outcome, status_code, until
from resting_hosts
where until > $moment
order by host
