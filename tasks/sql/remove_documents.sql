-- A file that is gone is marked, never deleted; since when, if its history tells.
update documents
set removed_at = coalesce(batch_ids.removed_at, $moment::timestamptz)
from batch_ids
where documents.document_id = batch_ids.document_id
    and documents.removed_at is null
