-- A version whose file is not there stays known, without a file.
update image_versions
set
    path = null,
    thumbnail_path = null
from batch_lost_images as batch
where image_versions.path = batch.path
