-- Each file of the image cache that a row names, once.
select
    path,
    max(thumbnail_path) as thumbnail_path,
    any_value(sha256) as sha256,
    any_value(size_bytes) as size_bytes
from (
    select path, thumbnail_path, sha256, size_bytes
    from images
    union all
    select path, thumbnail_path, sha256, size_bytes
    from image_versions
)
where path is not null
group by path
order by path
