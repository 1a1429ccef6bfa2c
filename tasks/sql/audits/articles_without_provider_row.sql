-- A provider that an article names is in providers. Looked at are articles of this run, or all.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from articles
where last_seen_at >= $since
    and provider_id is not null
    and provider_id not in (select provider_id from providers)
