-- A file that was lost and came again is there for every version that it is.
update image_versions
set
    path = batch.path,
    thumbnail_path = nullif(batch.thumbnail_path, '')
from batch_image_results as batch
where image_versions.sha256 = batch.sha256
    and image_versions.path is null
