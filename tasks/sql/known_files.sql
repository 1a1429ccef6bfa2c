-- What earlier runs know of a source's files.
select path, kind, fate, sha256, fingerprint
from files
where source_id = $source_id
