with a as (
    select article_id, title, name from articles left join providers using (provider_id)
)
select
    e.kind, e.position, e.source_article_id, s.title, s.name, e.target_article_id,
    t.title, t.name, e.first_seen_at
from related_edges e
join a s on s.article_id = e.source_article_id
join a t on t.article_id = e.target_article_id
where e.removed_at is null
