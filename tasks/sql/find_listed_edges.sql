-- The edges that the files of the batch list, one a pair, at its first place in the list.
create or replace temp table listed_edges as
select
    batch.source_article_id,
    batch.target_article_id,
    min(batch.position) as position
from batch_edges as batch
join winners
    on winners.document_id = batch.document_id
    and winners.article_id = batch.source_article_id
    and winners.entry = 0
    and winners.has_other_edges
group by batch.source_article_id, batch.target_article_id
