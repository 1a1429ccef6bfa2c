-- Every file that is known to be loaded is a document that exists. (Not the other way
-- round: the document of a file that was refused since stays as it was.)
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(files.path, 3), ', '), '') as detail
from files
anti join documents
    on documents.source_id = files.source_id
    and documents.path = files.path
    and documents.removed_at is null
where files.kind = 'article' and files.fate = 'loaded'
