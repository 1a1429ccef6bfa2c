with named as (
    select article_id, image_id from article_images
    union
    select pages.article_id, images.image_id
    from pages
    join images on images.url = pages.lead_image_url
),
told as (
    select
        named.article_id,
        count(*) as images,
        max(coalesce(images.reason, images.status)) as example_reason,
        bool_or(images.status = 'cached') as is_shown
    from named
    join images on images.image_id = named.image_id
    group by named.article_id
)
select
    articles.title,
    articles.url,
    coalesce(told.images, 0) as images,
    told.example_reason,
    articles.article_id
from articles
left join told on told.article_id = articles.article_id
where not articles.is_stub
    and not articles.is_removed
    and not articles.is_orphaned
    and told.is_shown is distinct from true
