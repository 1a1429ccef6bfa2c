-- Every observation is traced to a file.
select count(*), coalesce(min(document_id::varchar), '')
from observations
where document_id not in (select document_id from documents)
