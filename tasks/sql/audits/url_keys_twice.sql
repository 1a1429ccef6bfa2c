-- One address, one article. Looked at are articles of this run, or all.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url_key, 3), ', '), '') as detail
from (
    select url_key
    from articles
    where url_key in (select url_key from articles where last_seen_at >= $since)
    group by url_key
    having count(*) > 1
)
