-- A slug is one topic.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(slug, 3), ', '), '') as detail
from (
    select slug
    from topics
    group by slug
    having count(*) > 1
)
