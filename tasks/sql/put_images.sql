-- A new image is due at once. What several files declare of it is merged so that the
-- order of loading does not matter: the largest size, the first title in byte order.
merge into images
using (
    select
        image_id,
        any_value(url) as url,
        max(declared_width) as declared_width,
        max(declared_height) as declared_height,
        bool_or(declared_is_cached) as declared_is_cached,
        min(title) as title,
        min(attribution) as attribution
    from batch_images
    group by image_id
) as batch
on images.image_id = batch.image_id
when matched and (
    images.declared_width, images.declared_height, images.declared_is_cached,
    images.title, images.attribution
) is distinct from (
    greatest(images.declared_width, batch.declared_width),
    greatest(images.declared_height, batch.declared_height),
    coalesce(
        images.declared_is_cached or batch.declared_is_cached,
        images.declared_is_cached,
        batch.declared_is_cached
    ),
    least(images.title, batch.title),
    least(images.attribution, batch.attribution)
) then update set
    declared_width = greatest(images.declared_width, batch.declared_width),
    declared_height = greatest(images.declared_height, batch.declared_height),
    declared_is_cached = coalesce(
        images.declared_is_cached or batch.declared_is_cached,
        images.declared_is_cached,
        batch.declared_is_cached
    ),
    title = least(images.title, batch.title),
    attribution = least(images.attribution, batch.attribution)
when not matched then insert (
    image_id, url, declared_width, declared_height, declared_is_cached, title,
    attribution, status, next_check_at
)
values (
    batch.image_id, batch.url, batch.declared_width, batch.declared_height,
    batch.declared_is_cached, batch.title, batch.attribution, 'due', $moment
)
