-- Articles that are no longer one are told apart again; that they were is history.
update related_edges
set removed_at = $moment
where kind = 'duplicate'
    and removed_at is null
    and not exists (
        from duplicates
        where duplicates.article_id = related_edges.source_article_id
            and duplicates.first_article_id = related_edges.target_article_id
    )
