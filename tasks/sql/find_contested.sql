-- Unchanged files that may now have the best claim on an article that was lost.
create or replace temp table contested as
with witnesses as (
    select documents.document_id
    from documents
    join lost on lost.article_id = documents.article_id
    union
    select documents.document_id
    from lost
    join related_edges
        on related_edges.target_article_id = lost.article_id
        and related_edges.kind = 'related'
        and related_edges.removed_at is null
        and related_edges.first_seen_at >= $since
    join documents on documents.article_id = related_edges.source_article_id
    union
    -- A file that does not count for its own article has no edges, but may mention.
    select documents.document_id
    from documents
    join articles on articles.article_id = documents.article_id
    where articles.document_id <> documents.document_id
)
select document_id
from witnesses
where document_id not in (select document_id from batch_documents)
    and document_id not in (select document_id from batch_ids)
