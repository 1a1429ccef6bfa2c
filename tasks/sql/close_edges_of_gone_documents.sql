-- A file that is gone, or that now describes another article, relates nothing any more.
update related_edges
set removed_at = $moment
where kind = 'related'
    and removed_at is null
    and source_article_id in (
        select articles.article_id
        from articles
        join documents on documents.document_id = articles.document_id
        where not articles.is_stub
            and articles.document_id in (
                select document_id from batch_documents
                union all
                select document_id from batch_ids
            )
            and (
                documents.removed_at is not null
                or documents.article_id <> articles.article_id
            )
    )
