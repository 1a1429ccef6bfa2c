-- Both ends of provider_images are there.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(provider_id::varchar, 3), ', '), '') as detail
from provider_images
where provider_id not in (select provider_id from providers)
    or image_id not in (select image_id from images)
