with start as materialized (
    select article_id from articles
    where $address in (url, url_key, original_url, amp_url, cdn_amp_url)
),
one as materialized (
    select distinct if(source_article_id in (from start), target_article_id,
        source_article_id) as article_id
    from related_edges
    where removed_at is null
        and (source_article_id in (from start) or target_article_id in (from start))
),
two as (
    select target_article_id as article_id from related_edges
    where removed_at is null and source_article_id in (from one)
    union all
    select source_article_id from related_edges
    where removed_at is null and target_article_id in (from one)
),
nearest as (
    select article_id, min(distance) as distance
    from (select article_id, 0 as distance from start union all
        select article_id, 1 from one union all select article_id, 2 from two)
    group by article_id
)
select distance, a.title, p.name, a.published_at, a.url, a.is_stub, article_id
from nearest join articles a using (article_id) left join providers p using (provider_id)
order by distance, a.published_at, a.url
