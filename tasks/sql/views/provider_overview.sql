-- One row a provider: how much it published, and how much of that can still be read.
create or replace view provider_overview as
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
    min(articles.published_at) as first_published_at,
    max(articles.published_at) as last_published_at
from providers
left join articles on articles.provider_id = providers.provider_id
left join pages on pages.article_id = articles.article_id
group by providers.provider_id, providers.name, providers.domain;

comment on view provider_overview is
'One row a provider: how much it published, and how much of that can still be read.';
