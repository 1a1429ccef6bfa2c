-- Both ends of article_topics are there.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(article_id::varchar, 3), ', '), '') as detail
from article_topics
where article_id not in (select article_id from articles)
    or topic_id not in (select topic_id from topics)
