-- Every file is of a source. Looked at are files of this run, or all.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from documents
where changed_at >= $since
    and source_id not in (select source_id from sources)
