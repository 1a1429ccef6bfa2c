-- An article that a link leads to is in articles.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from links
where target_article_id is not null
    and target_article_id not in (select article_id from articles)
