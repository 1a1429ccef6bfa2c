-- Every file that was loaded has its article. Looked at are files of this run, or all.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from documents
anti join articles on articles.article_id = documents.article_id
where changed_at >= $since
