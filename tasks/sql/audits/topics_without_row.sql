-- Both ends of article_topics are there.
select count(*), coalesce(min(article_id::varchar), '')
from article_topics
where article_id not in (select article_id from articles)
    or topic_id not in (select topic_id from topics)
