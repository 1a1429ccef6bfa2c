-- A content that differs from the last one of its address is a new version.
insert or ignore into image_versions (
    image_id, first_seen_at, sha256, mime_type, width, height, size_bytes,
    perceptual_hash, path, thumbnail_path
)
select
    batch.image_id, batch.checked_at, batch.sha256, batch.mime_type, batch.width,
    batch.height, batch.size_bytes, batch.perceptual_hash, batch.path,
    nullif(batch.thumbnail_path, '')
from batch_image_results as batch
join images on images.image_id = batch.image_id
where batch.sha256 is not null
    and images.sha256 is distinct from batch.sha256
