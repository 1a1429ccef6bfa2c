-- What each file of the batch lists, as a digest; and whether nothing is to be done about
-- it: the article was made of this very file before, which listed the same.
create or replace temp table edges_said as
with said as (
    select
        document_id,
        bit_xor(hash(source_article_id, target_article_id, position)) as digest
    from batch_edges
    group by document_id
)
select
    batch.document_id,
    coalesce(said.digest, 0) as digest,
    coalesce(
        documents.edges_digest = coalesce(said.digest, 0)
        and documents.removed_at is null
        and documents.article_id = batch.article_id
        and articles.document_id = batch.document_id
        and not articles.is_stub,
        false
    ) as is_same
from batch_documents as batch
left join said on said.document_id = batch.document_id
left join documents on documents.document_id = batch.document_id
left join articles on articles.article_id = batch.article_id
