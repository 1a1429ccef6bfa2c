-- An edge that its article's file no longer lists ends, and stays as history.
update related_edges
set removed_at = $moment
where rowid in (
    select known_edges.place
    from known_edges
    anti join listed_edges
        on listed_edges.source_article_id = known_edges.source_article_id
        and listed_edges.target_article_id = known_edges.target_article_id
    where known_edges.removed_at is null
)
