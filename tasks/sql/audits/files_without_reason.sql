-- Every file that is known to be rejected has a rejection that stands, with the reason.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(files.path, 3), ', '), '') as detail
from files
anti join rejections
    on rejections.source_id = files.source_id
    and rejections.subject = files.path
    and rejections.resolved_at is null
where files.fate = 'rejected'
