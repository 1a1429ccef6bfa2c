-- Articles that turn out to be one lead to the first of them; nothing is merged.
merge into related_edges
using duplicates
on related_edges.source_article_id = duplicates.article_id
    and related_edges.target_article_id = duplicates.first_article_id
    and related_edges.kind = 'duplicate'
when matched and related_edges.removed_at is not null then update set
    removed_at = null
when not matched then insert (
    source_article_id, target_article_id, kind, position, first_seen_at
)
values (duplicates.article_id, duplicates.first_article_id, 'duplicate', 0, $moment)
