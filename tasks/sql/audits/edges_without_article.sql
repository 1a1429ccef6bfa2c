-- Both ends of an edge are articles.
select count(*), coalesce(min(source_article_id::varchar), '')
from related_edges
where source_article_id not in (select article_id from articles)
    or target_article_id not in (select article_id from articles)
