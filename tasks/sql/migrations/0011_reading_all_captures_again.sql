-- Reading all captures again takes long: what was stopped goes on where it was.
alter table pages add column read_at timestamptz;
comment on column pages.read_at is 'When it was read from its capture: the moment of the run';

create table rereading (
    begun_at timestamptz not null
);
comment on table rereading is 'Whether all captures are being read again: one row from the start of it to its end.';
comment on column rereading.begun_at is 'Pages read before this moment are still to be read'
