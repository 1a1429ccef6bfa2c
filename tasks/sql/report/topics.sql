-- The topics with the most articles, each with the wider topic it belongs to.
select
    topics.name as topic,
    parents.name as parent,
    count(*) as articles,
    max(articles.published_at) as last_published_at,
    count(*) over () as all_topics
from article_topics
join articles on articles.article_id = article_topics.article_id
join topics on topics.topic_id = article_topics.topic_id
left join topics as parents on parents.topic_id = topics.parent_topic_id
group by topics.topic_id, topics.name, parents.name
order by articles desc, topic
limit 20
