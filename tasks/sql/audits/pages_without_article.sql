-- Every page is of an article.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(article_id::varchar, 3), ', '), '') as detail
from pages
where article_id not in (select article_id from articles)
