-- Unchanged files that may now have the best claim on an article, because the file that
-- had it is of this batch and says less than before, or is gone.
create or replace temp table contested as
with claims as (
    select
        article_id,
        max((
            entry = 0,
            coalesce(claimed_at, '-infinity'::timestamptz),
            path,
            source_id
        )) as rank
    from batch_claims
    group by article_id
),
lost as (
    select articles.article_id
    from articles
    join documents on documents.document_id = articles.document_id
    left join claims on claims.article_id = articles.article_id
    where articles.document_id in (
            select document_id from batch_documents
            union all
            select document_id from batch_ids
        )
        and (
            claims.article_id is null
            or claims.rank < (
                not articles.is_stub,
                coalesce(articles.published_at, '-infinity'::timestamptz),
                documents.path,
                documents.source_id
            )
        )
),
witnesses as (
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
    join documents on documents.article_id = related_edges.source_article_id
    union
    -- A file that does not count for its own article has no edges, but may mention.
    select documents.document_id
    from documents
    join articles on articles.article_id = documents.article_id
    where articles.document_id <> documents.document_id
        and exists (from lost)
)
select document_id
from witnesses
where document_id not in (select document_id from batch_documents)
    and document_id not in (select document_id from batch_ids)
