-- Every file that is known is of a source.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from files
where source_id not in (select source_id from sources)
