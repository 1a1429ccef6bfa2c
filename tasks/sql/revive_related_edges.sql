-- An edge that is listed again stands again, at its place in the list.
update related_edges
set position = again.position,
    removed_at = null
from (
    select known_edges.place, listed_edges.position
    from known_edges
    join listed_edges
        on listed_edges.source_article_id = known_edges.source_article_id
        and listed_edges.target_article_id = known_edges.target_article_id
    where known_edges.removed_at is not null
        or known_edges.position <> listed_edges.position
) as again
where related_edges.rowid = again.place
