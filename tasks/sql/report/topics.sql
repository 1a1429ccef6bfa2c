-- The topics with the most articles.
select topic, sum(articles)::bigint as articles, max(published_on) as last_published_on
from topic_timeline
group by topic
order by articles desc, topic
limit 20
