with failed as (
    select 'page' as stage, c.outcome, c.url as subject, c.reason as example
    from (
        select article_id, max(attempt) filter (where via = 'origin') as attempt
        from captures group by article_id
        having max(attempt * 2 + (outcome in ('ok', 'not_modified'))::int) % 2 = 0
    ) as l
    join captures c on c.article_id = l.article_id and c.attempt = l.attempt
        and c.via = 'origin'
    union all
    select 'image', status, url, coalesce(reason, '') from images
    where status in ('failed', 'rejected')
    union all
    select stage, 'rejected', subject, reason || if(detail = '', '', ': ' || detail)
    from rejections where resolved_at is null
)
select
    stage, outcome, min_by(example, subject) as reason, count(*), min(subject)
from failed
group by stage, outcome, regexp_replace(
    example, '''[^'']*''|"[^"]*"|\S+\.\S+(:\d+)?|\d+', '…', 'g')
