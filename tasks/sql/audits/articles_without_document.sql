-- Every article is traced to a file. Looked at are articles of this run, or all.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(url, 3), ', '), '') as detail
from articles
anti join documents
    on documents.document_id = articles.document_id
where last_seen_at >= $since
