-- Every try to get a page is for an article.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from captures
where article_id not in (select article_id from articles)
