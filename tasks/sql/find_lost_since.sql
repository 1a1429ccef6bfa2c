-- Since when edges can lead to the articles that were lost: none is older than either of
-- its articles. Read from there on, most are passed over.
select min(known_articles.first_seen_at)
from lost
join known_articles on known_articles.article_id = lost.article_id
