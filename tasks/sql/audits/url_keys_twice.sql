-- One address, one article.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url_key, 3), ', '), '') as detail
from (select url_key from articles group by url_key having count(*) > 1)
