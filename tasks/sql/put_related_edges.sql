-- One edge a pair: what is known is not put again.
insert into related_edges (
    source_article_id, target_article_id, kind, position, first_seen_at
)
select
    listed_edges.source_article_id, listed_edges.target_article_id, 'related',
    listed_edges.position, $moment
from listed_edges
anti join known_edges
    on known_edges.source_article_id = listed_edges.source_article_id
    and known_edges.target_article_id = listed_edges.target_article_id
