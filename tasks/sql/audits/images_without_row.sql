-- Both ends of article_images are there.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(article_id::varchar, 3), ', '), '') as detail
from article_images
where article_id not in (select article_id from articles)
    or image_id not in (select image_id from images)
