-- The versions of the batch that were never read, or not taken.
select document_id, revision
from batch_versions
except
select document_id, revision
from versions
where document_id in (select document_id from batch_versions)
