-- The documents of a source, those that are gone too unless only $standing ones count.
select document_id
from documents
where source_id = $source_id
    and (removed_at is null or not $standing)
