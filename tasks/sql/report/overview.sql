-- The size of the warehouse, each number with what it counts.
select
    count(*) filter (where not articles.is_stub) as articles,
    count(*) filter (where articles.is_stub) as stubs,
    (select count(*) from providers) as providers,
    (select count(*) from topics) as topics,
    (select count(*) from related_edges where removed_at is null) as edges,
    (select count(*) from pages) as pages,
    (select count(*) from images where status = 'cached') as cached_images,
    (select count(*) from rejections where resolved_at is null) as rejections,
    min(articles.published_at) filter (where not articles.is_stub) as first_published_at,
    max(articles.published_at) filter (where not articles.is_stub) as last_published_at
from articles
