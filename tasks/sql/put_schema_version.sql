-- A migration is on record in the same transaction as its change.
insert into schema_version (version, name, applied_at)
values ($version, replace($name, '_', ' '), $moment)
