-- What each file of the batch lists, as a digest; and whether nothing is to be done about
-- it: the article was made of this very file before, which listed the same.
create or replace temp table edges_said as
with said as (
    select
        document_id,
        bit_xor(hash(source_article_id, article_id, entry - 1)) as digest
    from claims
    where entry > 0
    group by document_id
)
select
    batch.document_id,
    coalesce(said.digest, 0) as digest,
    coalesce(
        known.edges_digest = coalesce(said.digest, 0)
        and known.described_article_id = batch.article_id
        and known.is_standing
        and not known.is_stub,
        false
    ) as is_same
from batch_documents as batch
left join said on said.document_id = batch.document_id
left join known_articles as known
    on known.article_id = batch.article_id
    and known.document_id = batch.document_id
