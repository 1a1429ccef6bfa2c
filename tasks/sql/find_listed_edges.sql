-- The edges that the files of the batch list, one a pair, at its first place in the list.
create or replace temp table listed_edges as
select
    claims.source_article_id,
    claims.article_id as target_article_id,
    min(claims.entry) - 1 as position
from claims
join winners
    on winners.document_id = claims.document_id
    and winners.article_id = claims.source_article_id
    and winners.entry = 0
    and winners.has_other_edges
where claims.entry > 0
group by claims.source_article_id, claims.article_id
