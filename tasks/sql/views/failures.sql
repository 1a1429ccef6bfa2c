-- What could not be had or taken, as it stands: each reason, how often, one example.
create or replace view failures as
with failed as (
    select
        'page' as stage,
        outcome,
        regexp_replace(reason, '''[^'']*''|https?://\S+|\d+', '…', 'g') as reason,
        url as subject,
        reason as example
    from captures
    where outcome not in ('ok', 'not_modified')
    qualify row_number() over (partition by article_id order by attempt desc) = 1
        and not exists (
            from captures as other
            where other.article_id = captures.article_id
                and other.attempt > captures.attempt
        )
    union all
    select
        'image',
        status,
        regexp_replace(
            coalesce(reason, ''), '''[^'']*''|https?://\S+|\d+', '…', 'g'
        ),
        url,
        coalesce(reason, '')
    from images
    where status in ('failed', 'rejected')
    union all
    select
        stage,
        'rejected',
        regexp_replace(reason, '''[^'']*''|https?://\S+|\d+', '…', 'g'),
        subject,
        reason || if(detail = '', '', ': ' || detail)
    from rejections
    where resolved_at is null
)
select
    stage,
    outcome,
    reason,
    count(*) as count,
    min(subject) as example_subject,
    min_by(example, subject) as example
from failed
group by stage, outcome, reason;

comment on view failures is
'What could not be had or taken, as it stands: each reason, how often, one example.';
