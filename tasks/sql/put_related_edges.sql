-- One edge a pair, at the first place where the file lists it; listing it again revives it.
merge into related_edges
using (
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
) as batch
on related_edges.source_article_id = batch.source_article_id
    and related_edges.target_article_id = batch.target_article_id
    and related_edges.kind = 'related'
when matched and (
    related_edges.position <> batch.position or related_edges.removed_at is not null
) then update set
    position = batch.position,
    removed_at = null
when not matched then insert (
    source_article_id, target_article_id, kind, position, first_seen_at
)
values (
    batch.source_article_id, batch.target_article_id, 'related', batch.position, $moment
)
