-- The article at an address and all within two edges of it, the nearest first.
create or replace macro story(address) as table
with steps as (
    select source_article_id as one_id, target_article_id as other_id
    from related_edges
    where removed_at is null
    union
    select target_article_id, source_article_id
    from related_edges
    where removed_at is null
),
reached as (
    select article_id, 0 as distance
    from articles
    where address in (url, url_key, original_url, amp_url, cdn_amp_url)
    union all
    select first.other_id, 1
    from articles
    join steps as first on first.one_id = articles.article_id
    where address in (url, url_key, original_url, amp_url, cdn_amp_url)
    union all
    select second.other_id, 2
    from articles
    join steps as first on first.one_id = articles.article_id
    join steps as second on second.one_id = first.other_id
    where address in (url, url_key, original_url, amp_url, cdn_amp_url)
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
'The article at an address and all within two edges of it, the nearest first.';
