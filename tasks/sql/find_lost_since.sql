-- Since when edges can lead to the articles that were lost: none is older than either of
-- its articles. Read from there on, most are passed over, unless a clock was set back.
select
    if(
        exists (
            from (
                select started_at < lag(started_at) over (order by run_number) as back
                from runs
            )
            where back
        ),
        timestamptz '0001-01-01 00:00:00+00',
        min(known_articles.first_seen_at)
    )
from lost
join known_articles on known_articles.article_id = lost.article_id
