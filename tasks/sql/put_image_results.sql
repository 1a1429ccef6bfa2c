-- What an image proved to be. A failed check keeps what the cache still holds, with the
-- validators of it; a new content brings all of its facts, so that none is left of the
-- one before.
update images
set
    status = batch.status,
    reason = nullif(batch.reason, ''),
    checked_at = batch.checked_at,
    next_check_at = batch.next_check_at,
    failures = batch.failures,
    etag = case
        when batch.sha256 is not null then batch.etag
        when batch.status = 'cached' then coalesce(batch.etag, images.etag)
        else images.etag
    end,
    last_modified = case
        when batch.sha256 is not null then batch.last_modified
        when batch.status = 'cached'
            then coalesce(batch.last_modified, images.last_modified)
        else images.last_modified
    end,
    sha256 = if(batch.sha256 is null, images.sha256, batch.sha256),
    mime_type = if(batch.sha256 is null, images.mime_type, batch.mime_type),
    width = if(batch.sha256 is null, images.width, batch.width),
    height = if(batch.sha256 is null, images.height, batch.height),
    size_bytes = if(batch.sha256 is null, images.size_bytes, batch.size_bytes),
    perceptual_hash = if(
        batch.sha256 is null, images.perceptual_hash, batch.perceptual_hash
    ),
    is_animated = if(batch.sha256 is null, images.is_animated, batch.is_animated),
    dominant_color = if(
        batch.sha256 is null, images.dominant_color, batch.dominant_color
    ),
    path = if(batch.sha256 is null, images.path, batch.path),
    thumbnail_path = if(
        batch.sha256 is null, images.thumbnail_path, nullif(batch.thumbnail_path, '')
    )
from batch_image_results as batch
where images.image_id = batch.image_id
