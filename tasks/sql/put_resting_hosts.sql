-- What a host asked for last counts.
insert or replace into resting_hosts by name
select * from batch_resting_hosts
