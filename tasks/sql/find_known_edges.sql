-- The edges that are known of articles whose files list others now, each with its place
-- in the table: it is read once, and hardly if there are no such articles.
create or replace temp table known_edges as
select
    rowid as place,
    source_article_id,
    target_article_id,
    position,
    removed_at
from related_edges
where kind = 'related'
    and first_seen_at >= $since
    and source_article_id in (
        select article_id from winners where is_known and has_other_edges
    )
