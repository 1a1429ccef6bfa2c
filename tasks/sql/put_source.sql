-- A source is read to its end: from here on only changes count.
merge into sources
using (
    select
        $source_id::uuid as source_id,
        $kind as kind,
        $name as name,
        $location as location,
        $revision::varchar as revision,
        $moment::timestamptz as moment
) as read
on sources.source_id = read.source_id
when matched then update set
    kind = read.kind,
    name = read.name,
    observed_revision = if(
        sources.location = read.location, sources.observed_revision, null
    ),
    backfilled_revision = if(
        sources.location = read.location, sources.backfilled_revision, null
    ),
    location = read.location,
    revision = read.revision,
    last_read_at = coalesce(read.moment, sources.last_read_at)
when not matched then insert (
    source_id, kind, name, location, revision, last_read_at
)
values (read.source_id, read.kind, read.name, read.location, read.revision, read.moment)
