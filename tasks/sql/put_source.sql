-- A source is read to its end: from here on only changes count.
insert into sources (source_id, kind, name, location, revision, last_read_at)
values ($source_id, $kind, $name, $location, $revision, $moment)
on conflict do update set
    kind = excluded.kind,
    name = excluded.name,
    observed_revision = if(
        sources.location = excluded.location, sources.observed_revision, null
    ),
    backfilled_revision = if(
        sources.location = excluded.location, sources.backfilled_revision, null
    ),
    location = excluded.location,
    revision = excluded.revision,
    last_read_at = coalesce(excluded.last_read_at, sources.last_read_at)
