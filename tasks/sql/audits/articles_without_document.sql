-- Every article is traced to a file.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from articles
where document_id not in (select document_id from documents)
