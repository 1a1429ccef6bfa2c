-- A source is read to its end: from here on only changes count.
insert into sources (source_id, kind, name, location, revision, last_read_at)
values ($source_id, $kind, $name, $location, $revision, $moment)
on conflict do update set
    kind = excluded.kind,
    name = excluded.name,
    location = excluded.location,
    revision = excluded.revision,
    last_read_at = coalesce(excluded.last_read_at, sources.last_read_at)
