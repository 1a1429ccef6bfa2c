-- Which articles it leads to and which lead to it.
with own as (
    select article_id from articles where url_key = $key
)
select
    if(related_edges.source_article_id = own.article_id, 'to', 'from') as direction,
    related_edges.kind,
    articles.title,
    articles.url,
    related_edges.first_seen_at,
    related_edges.removed_at
from own
join related_edges
    on own.article_id in (
        related_edges.source_article_id, related_edges.target_article_id
    )
join articles
    on articles.article_id = if(
        related_edges.source_article_id = own.article_id,
        related_edges.target_article_id,
        related_edges.source_article_id
    )
order by direction desc, related_edges.kind, related_edges.position, articles.url
