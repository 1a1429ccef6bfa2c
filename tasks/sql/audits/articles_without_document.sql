-- Every article is traced to a file.
select count(*), coalesce(min(url), '')
from articles
where document_id not in (select document_id from documents)
