-- Its images, and what became of each.
select
    images.url,
    images.status,
    images.reason,
    images.mime_type,
    images.width,
    images.height,
    images.path,
    images.checked_at
from article_images
join images on images.image_id = article_images.image_id
where article_images.article_id in (
    select article_id from articles where url_key = $key
)
order by article_images.position
