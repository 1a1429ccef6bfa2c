-- A file of a source is one document.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from (
    select path from documents group by source_id, path having count(*) > 1
)
