-- A link leads to an article as soon as the article is known.
update links
set target_article_id = articles.article_id
from articles
where articles.url_key = links.url_key
    and links.target_article_id is null
