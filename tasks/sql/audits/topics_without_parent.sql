-- A wider topic that a topic names is in topics.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(slug, 3), ', '), '') as detail
from topics
where parent_topic_id is not null
    and parent_topic_id not in (select topic_id from topics)
