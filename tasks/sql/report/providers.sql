-- The providers with the most articles of the hub's own files.
select
    providers.name as provider,
    providers.domain,
    count(*) as articles,
    count(asked.article_id) as asked,
    count(pages.article_id) as pages,
    max(articles.published_at) as last_published_at,
    count(*) over () as all_providers,
    sum(count(*)) over ()::bigint as all_articles
from articles
join providers on providers.provider_id = articles.provider_id
left join (select distinct article_id from captures) as asked
    on asked.article_id = articles.article_id
left join pages on pages.article_id = articles.article_id
where not articles.is_stub
group by providers.provider_id, providers.name, providers.domain
order by articles desc, provider, providers.domain
limit 20
