-- A provider keeps every logo seen, each at its first place.
merge into provider_images
using (
    select provider_id, image_id, min(position) as position
    from batch_provider_images
    group by provider_id, image_id
) as batch
on provider_images.provider_id = batch.provider_id
    and provider_images.image_id = batch.image_id
when matched and batch.position < provider_images.position then update set
    position = batch.position
when not matched then insert (provider_id, image_id, position)
values (batch.provider_id, batch.image_id, batch.position)
