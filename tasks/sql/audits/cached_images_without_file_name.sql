-- Every cached image names its file.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from images
where status = 'cached' and (path is null or sha256 is null)
