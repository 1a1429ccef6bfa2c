-- What an article's file no longer lists is gone from the article.
delete from article_topics
using winners
where article_topics.article_id = winners.article_id
    and not exists (
        from batch_article_topics as batch
        where batch.mention = winners.mention
            and batch.article_id = winners.article_id
            and batch.topic_id = article_topics.topic_id
    )
