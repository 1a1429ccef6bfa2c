-- The article at an address and all within two edges of it, the nearest first. Edges are
-- read four times, each time for those of the articles found so far.
create or replace macro story(address) as table
with start as materialized (
    select article_id
    from articles
    where address in (url, url_key, original_url, amp_url, cdn_amp_url)
),
one_edge as materialized (
    select target_article_id as article_id
    from related_edges
    where removed_at is null and source_article_id in (from start)
    union
    select source_article_id
    from related_edges
    where removed_at is null and target_article_id in (from start)
),
two_edges as (
    select target_article_id as article_id
    from related_edges
    where removed_at is null and source_article_id in (from one_edge)
    union
    select source_article_id
    from related_edges
    where removed_at is null and target_article_id in (from one_edge)
),
reached as (
    select article_id, 0 as distance
    from start
    union all
    select article_id, 1
    from one_edge
    union all
    select article_id, 2
    from two_edges
),
nearest as (
    select article_id, min(distance) as distance
    from reached
    group by article_id
)
select
    nearest.distance,
    articles.title,
    providers.name as provider,
    articles.published_at,
    articles.url,
    articles.is_stub,
    articles.article_id
from nearest
join articles on articles.article_id = nearest.article_id
left join providers on providers.provider_id = articles.provider_id
order by nearest.distance, articles.published_at, articles.url;

comment on macro table story is
'The article at an address and all within two edges of it, the nearest first; the address is articles.url, url_key, original_url, amp_url or cdn_amp_url, letter for letter.';
