-- One row a provider: how much it published, how much of that can still be read, how
-- soon it was seen (hours after publication, median) and how often texts were mended.
create or replace view provider_overview as
with seen as (
    select document_id, min(observed_at) as observed_at
    from observations
    group by document_id
),
mended as (
    select distinct subject_id
    from repairs
    where subject_table = 'articles'
)
select
    providers.provider_id,
    providers.name as provider,
    providers.domain,
    count(articles.article_id) as articles,
    count(articles.article_id) filter (where not articles.is_stub) as own_articles,
    count(pages.article_id) as pages,
    round(
        count(pages.article_id)
        / nullif(count(articles.article_id) filter (where not articles.is_stub), 0), 3
    ) as share_with_page,
    median(articles.quality) as median_quality,
    round(
        median(date_diff('second', articles.published_at, seen.observed_at))
            filter (where not articles.is_stub) / 3600, 1
    ) as median_delay_hours,
    round(
        count(mended.subject_id) / nullif(count(articles.article_id), 0), 3
    ) as share_repaired,
    min(articles.published_at) as first_published_at,
    max(articles.published_at) as last_published_at
from providers
left join articles on articles.provider_id = providers.provider_id
left join pages on pages.article_id = articles.article_id
left join seen on seen.document_id = articles.document_id
left join mended on mended.subject_id = articles.article_id
group by providers.provider_id, providers.name, providers.domain;

comment on view provider_overview is
'One row a provider: how much it published, how much can still be read, how soon it was seen, how often texts were mended.';
