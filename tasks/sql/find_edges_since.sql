-- Since when articles whose files list others now can have edges, none if there are no
-- such articles: see `find_lost_since`.
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
from winners
join known_articles on known_articles.article_id = winners.article_id
where winners.has_other_edges
