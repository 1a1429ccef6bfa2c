-- Up to which commit the versions of a source are kept, and since ever.
select observed_revision, backfilled_revision
from sources
where source_id = $source_id
