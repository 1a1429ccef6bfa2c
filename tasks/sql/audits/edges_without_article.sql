-- Both ends of an edge are articles.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(source_article_id::varchar, 3), ', '), '') as detail
from related_edges
where source_article_id not in (select article_id from articles)
    or target_article_id not in (select article_id from articles)
