-- A file that is gone, or that now describes another article, relates nothing any more.
update related_edges
set removed_at = $moment
where kind = 'related'
    and removed_at is null
    and source_article_id in (
        select known.article_id
        from known_articles as known
        left join batch_documents as batch on batch.document_id = known.document_id
        where known.is_changed
            and not known.is_stub
            and batch.article_id is distinct from known.article_id
            and known.article_id not in (select article_id from winners)
    )
