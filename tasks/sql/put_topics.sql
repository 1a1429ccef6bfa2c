-- The taxonomy's name counts; among other spellings the first in byte order, so that
-- the order of loading does not matter.
merge into topics
using (
    select
        topic_id,
        any_value(slug) as slug,
        coalesce(min(name) filter (where is_in_taxonomy), min(name)) as name,
        any_value(parent_topic_id) filter (where is_in_taxonomy) as parent_topic_id,
        any_value(keywords) filter (where is_in_taxonomy) as keywords,
        bool_or(is_in_taxonomy) as is_in_taxonomy
    from batch_topics
    group by topic_id
) as batch
on topics.topic_id = batch.topic_id
when matched and batch.is_in_taxonomy then update set
    name = batch.name,
    parent_topic_id = batch.parent_topic_id,
    keywords = batch.keywords,
    is_in_taxonomy = true
when matched and not topics.is_in_taxonomy and batch.name < topics.name then update set
    name = batch.name
when not matched then insert (
    topic_id, name, slug, parent_topic_id, keywords, is_in_taxonomy
)
values (
    batch.topic_id, batch.name, batch.slug, batch.parent_topic_id, batch.keywords,
    batch.is_in_taxonomy
)
