-- What happened happened by now; a day is left to clocks that are set, and articles that
-- the hub does not show yet may wait for their day.
with told as (
    select 'runs.started_at' as what, run_number::varchar as subject, started_at as moment
    from runs
    union all
    select 'documents.changed_at', path, changed_at
    from documents
    union all
    select 'documents.removed_at', path, removed_at
    from documents
    union all
    select 'versions.observed_at', document_id::varchar, observed_at
    from versions
    union all
    select 'articles.last_seen_at', url, last_seen_at
    from articles
    union all
    select 'articles.published_at', url, published_at
    from articles
    where is_published is distinct from false
    union all
    select 'captures.requested_at', url, requested_at
    from captures
    union all
    select 'images.checked_at', url, checked_at
    from images
)
select
    'warning' as severity,
    count(*) as failed_rows,
    coalesce(
        array_to_string(min(what || ' ' || moment || ' of ' || subject, 3), ', '), ''
    ) as detail
from told
where moment > now() + interval 1 day
