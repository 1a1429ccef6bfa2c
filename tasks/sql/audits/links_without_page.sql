-- Every link is on a page.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from links
where article_id not in (select article_id from pages)
