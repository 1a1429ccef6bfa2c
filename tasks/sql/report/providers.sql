-- The providers with the most articles of their own files.
select provider, domain, own_articles, pages, share_with_page, median_quality
from provider_overview
where own_articles > 0
order by own_articles desc, provider
limit 20
