-- An article has the topics of the file that its row was made from.
merge into article_topics
using (
    select batch.article_id, batch.topic_id, min(batch.position) as position
    from batch_article_topics as batch
    join winners
        on winners.mention = batch.mention
        and winners.article_id = batch.article_id
    group by batch.article_id, batch.topic_id
) as batch
on article_topics.article_id = batch.article_id
    and article_topics.topic_id = batch.topic_id
when matched and article_topics.position <> batch.position then update set
    position = batch.position
when not matched then insert (article_id, topic_id, position)
values (batch.article_id, batch.topic_id, batch.position)
