-- Row 0 of schema_version tells the views and macros, which are made anew as one.
insert or replace into schema_version (version, name, applied_at)
values (0, $digest, $moment)
