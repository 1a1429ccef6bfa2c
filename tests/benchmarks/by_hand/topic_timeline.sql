with days as (
    select
        epoch_us(published_at) // 86_400_000_000 as day, topic_id, count(*) as articles,
        sum(quality) as quality, count(quality) as rated
    from article_topics join articles using (article_id)
    where published_at is not null
    group by day, topic_id
)
select
    date '1970-01-01' + day::int, name, sum(articles)::bigint,
    round(sum(quality) / nullif(sum(rated), 0), 1)
from days join topics using (topic_id)
group by day, name
