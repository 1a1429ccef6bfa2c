-- A file of a source is one document. Looked at are files of this run, or all.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from (
    select path
    from documents
    where path in (select path from documents where changed_at >= $since)
    group by source_id, path
    having count(*) > 1
)
