-- Every page is traced to a capture.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(article_id::varchar, 3), ', '), '') as detail
from pages
where capture_id not in (select capture_id from captures)
