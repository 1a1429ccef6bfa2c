-- Every version belongs to an image, and what is cached is a version of it.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(sha256, 3), ', '), '') as detail
from (
    select sha256
    from image_versions
    where image_id not in (select image_id from images)
    union all
    select sha256
    from images
    where status = 'cached'
        and not exists (
            select 1
            from image_versions
            where image_versions.image_id = images.image_id
                and image_versions.sha256 = images.sha256
        )
)
