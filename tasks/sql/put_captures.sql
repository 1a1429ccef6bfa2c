-- A try is on record once.
insert into captures by name
select * from batch_captures
on conflict do nothing
