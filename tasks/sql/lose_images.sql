-- An image whose file is not there is due, and asked for without validators.
update images
set
    status = 'due',
    reason = batch.reason,
    path = null,
    thumbnail_path = null,
    etag = null,
    last_modified = null
from batch_lost_images as batch
where images.path = batch.path
