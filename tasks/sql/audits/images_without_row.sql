-- Both ends of article_images are there.
select count(*), coalesce(min(article_id::varchar), '')
from article_images
where article_id not in (select article_id from articles)
    or image_id not in (select image_id from images)
