-- A page that links to a known article relates to it, once a pair.
merge into related_edges
using (
    select article_id, target_article_id, min(position) as position
    from links
    where target_article_id is not null and target_article_id <> article_id
    group by article_id, target_article_id
) as batch
on related_edges.source_article_id = batch.article_id
    and related_edges.target_article_id = batch.target_article_id
    and related_edges.kind = 'link'
when matched and (
    related_edges.position <> batch.position or related_edges.removed_at is not null
) then update set
    position = batch.position,
    removed_at = null
when not matched then insert (
    source_article_id, target_article_id, kind, position, first_seen_at
)
values (batch.article_id, batch.target_article_id, 'link', batch.position, $moment)
