-- An article whose last good capture was lost is due. All tries of its last run set one
-- moment, so that it still counts as one run.
update captures
set next_fetch_at = $moment
from (
    select captures.article_id, max(captures.attempt) as attempt
    from captures
    join captures as lost on lost.article_id = captures.article_id
    join batch_lost_captures as batch on batch.capture_id = lost.capture_id
    where not exists (
        from captures as later
        where later.article_id = lost.article_id
            and later.attempt > lost.attempt
            and later.warc_file is not null
            and later.outcome = 'ok'
    )
    group by captures.article_id
) as last
where captures.article_id = last.article_id
    and captures.attempt = last.attempt
    and captures.next_fetch_at > $moment
