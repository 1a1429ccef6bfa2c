-- What an article's file no longer lists is gone from the article.
delete from article_images
using winners
where article_images.article_id = winners.article_id
    and not exists (
        from batch_article_images as batch
        where batch.mention = winners.mention
            and batch.article_id = winners.article_id
            and batch.image_id = article_images.image_id
    )
