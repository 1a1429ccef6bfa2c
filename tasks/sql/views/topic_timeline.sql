-- How many articles each topic had on each day (UTC).
create or replace view topic_timeline as
select
    make_timestamp(epoch_us(articles.published_at))::date as published_on,
    topics.name as topic,
    count(*) as articles,
    round(avg(articles.quality), 1) as mean_quality
from article_topics
join topics on topics.topic_id = article_topics.topic_id
join articles on articles.article_id = article_topics.article_id
where articles.published_at is not null
group by published_on, topics.name;

comment on view topic_timeline is 'How many articles each topic had on each day (UTC).';
comment on column topic_timeline.published_on is 'Day of publication, UTC';
comment on column topic_timeline.topic is 'Name of the topic';
comment on column topic_timeline.articles is 'Articles of that topic and day, those whose files are gone too';
comment on column topic_timeline.mean_quality is 'Mean of the hub''s measure of quality';
