-- What is known of the articles that the batch speaks of, or spoke of before, each with
-- the file that its row was made from. Read once, as every look costs a whole table.
create or replace temp table known_articles as
with changed as (
    select document_id from batch_documents
    union all
    select document_id from batch_ids
),
concerned as (
    select
        article_id, document_id, is_stub, is_orphaned, published_at, first_seen_at,
        rowid as place
    from articles
    where article_id in (select article_id from claims)
        or document_id in (from changed)
)
select
    concerned.*,
    concerned.document_id in (from changed) as is_changed,
    documents.path,
    documents.source_id,
    documents.article_id as described_article_id,
    documents.edges_digest,
    documents.removed_at is null
    and documents.document_id not in (select document_id from batch_ids) as is_standing
from concerned
join documents on documents.document_id = concerned.document_id
