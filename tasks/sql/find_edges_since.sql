-- Since when articles whose files list others now can have edges, none if there are no
-- such articles: see `find_lost_since`.
select min(known_articles.first_seen_at)
from winners
join known_articles on known_articles.article_id = winners.article_id
where winners.has_other_edges
