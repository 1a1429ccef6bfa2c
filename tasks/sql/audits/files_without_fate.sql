-- Every file that is known to be loaded is a document, and every document that exists
-- is of a file that is known.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from (
    select files.path
    from files
    anti join documents
        on documents.source_id = files.source_id
        and documents.path = files.path
        and documents.removed_at is null
    where files.kind = 'article' and files.fate = 'loaded'
    union all
    select documents.path
    from documents
    anti join files
        on files.source_id = documents.source_id
        and files.path = documents.path
    where documents.removed_at is null
)
