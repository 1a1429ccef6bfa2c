-- Which migrations this file has been through.
create table if not exists schema_version (
    version integer primary key,
    name varchar not null,
    applied_at timestamptz not null
);
comment on table schema_version is 'Each change of the schema that this file has been through.';
comment on column schema_version.version is 'Number of the change, from 1; 0: the views and macros, whose name is a digest';
comment on column schema_version.name is 'What changed';
comment on column schema_version.applied_at is 'When';
