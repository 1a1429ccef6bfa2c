-- A source that a rejection names is in sources.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(subject, 3), ', '), '') as detail
from rejections
where source_id is not null
    and source_id not in (select source_id from sources)
