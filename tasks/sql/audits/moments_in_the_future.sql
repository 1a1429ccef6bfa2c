-- What happened here happened by now; a day is left to clocks that are set.
select
    'warning' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(moment::varchar, 3), ', '), '') as detail
from (
    select max(last_seen_at) as moment from articles
    union all
    select max(changed_at) from documents
    union all
    select max(requested_at) from captures
    union all
    select max(checked_at) from images
)
where moment > now() + interval 1 day
