-- What an image proved to be; a failed check keeps what the cache still holds.
update images
set
    status = batch.status,
    reason = nullif(batch.reason, ''),
    checked_at = batch.checked_at,
    next_check_at = batch.next_check_at,
    etag = coalesce(batch.etag, images.etag),
    last_modified = coalesce(batch.last_modified, images.last_modified),
    sha256 = coalesce(batch.sha256, images.sha256),
    mime_type = coalesce(batch.mime_type, images.mime_type),
    width = coalesce(batch.width, images.width),
    height = coalesce(batch.height, images.height),
    size_bytes = coalesce(batch.size_bytes, images.size_bytes),
    perceptual_hash = coalesce(batch.perceptual_hash, images.perceptual_hash),
    path = coalesce(batch.path, images.path),
    thumbnail_path = coalesce(batch.thumbnail_path, images.thumbnail_path)
from batch_image_results as batch
where images.image_id = batch.image_id
