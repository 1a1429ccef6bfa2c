-- Every file that was loaded has its article.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from documents
where article_id not in (select article_id from articles)
