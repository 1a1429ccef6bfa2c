-- Every version is of a file.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(document_id::varchar, 3), ', '), '') as detail
from versions
where document_id not in (select document_id from documents)
