-- An address is one image.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from (
    select url
    from images
    group by url
    having count(*) > 1
)
