-- An edge that its article's file no longer lists ends, and stays as history.
update related_edges
set removed_at = $moment
where kind = 'related'
    and removed_at is null
    and source_article_id in (
        select article_id from winners where is_known and has_other_edges
    )
    and not exists (
        from batch_edges as batch
        join winners
            on winners.document_id = batch.document_id
            and winners.article_id = batch.source_article_id
        where winners.entry = 0
            and batch.source_article_id = related_edges.source_article_id
            and batch.target_article_id = related_edges.target_article_id
    )
