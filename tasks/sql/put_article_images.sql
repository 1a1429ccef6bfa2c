-- An article has the images of the file that its row was made from.
merge into article_images
using (
    select batch.article_id, batch.image_id, min(batch.position) as position
    from batch_article_images as batch
    join winners
        on winners.mention = batch.mention
        and winners.article_id = batch.article_id
    group by batch.article_id, batch.image_id
) as batch
on article_images.article_id = batch.article_id
    and article_images.image_id = batch.image_id
when matched and article_images.position <> batch.position then update set
    position = batch.position
when not matched then insert (article_id, image_id, position)
values (batch.article_id, batch.image_id, batch.position)
