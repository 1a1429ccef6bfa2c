-- The unchanged files that may now have the best claim, as they were stored.
select source_id, path, revision, sha256, size_bytes, front_matter, body
from documents
where removed_at is null
    and document_id in (select document_id from contested)
order by source_id, path
