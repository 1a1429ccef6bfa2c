-- A try for an article has its own number: the greatest tells how it stands.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(article_id::varchar, 3), ', '), '') as detail
from (
    select article_id, attempt
    from captures
    group by article_id, attempt
    having count(*) > 1
)
