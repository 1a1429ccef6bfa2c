-- A link that its page no longer has ends, and stays as history.
update related_edges
set removed_at = $moment
where kind = 'link'
    and removed_at is null
    and not exists (
        from links
        where links.article_id = related_edges.source_article_id
            and links.target_article_id = related_edges.target_article_id
    )
