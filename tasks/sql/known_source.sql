-- What earlier runs know of a source.
select kind, location, revision
from sources
where source_id = $source_id
