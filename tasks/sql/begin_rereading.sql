-- All captures are to be read again from now on, unless they are already.
insert into rereading (begun_at)
select $moment
where not exists (from rereading)
