-- The versions that a reader could tell from the one before; with $everything of all
-- files, else of the batch's.
create or replace temp table changes_seen as
select document_id, observed_at, title, heat, quality, is_published, revision
from versions
where $everything or document_id in (select document_id from batch_versions)
window earlier as (partition by document_id order by observed_at)
qualify row_number() over earlier = 1
    or (title, heat, quality, is_published)
    is distinct from lag((title, heat, quality, is_published)) over earlier
