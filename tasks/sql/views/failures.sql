-- What could not be had or taken, as it stands: each reason, how often, one example.
-- Of a lost page it is what its own address answered, not what the fallbacks did.
create or replace view failures as
with lost as (
    select article_id, max(attempt) filter (where via = 'origin') as attempt
    from captures
    group by article_id
    having arg_max(outcome, attempt) not in ('ok', 'not_modified')
),
failed as (
    select
        'page' as stage,
        captures.outcome,
        captures.url as subject,
        captures.reason as example
    from captures
    join lost
        on lost.article_id = captures.article_id
        and lost.attempt = captures.attempt
    where captures.via = 'origin'
    union all
    select 'image', status, url, coalesce(reason, '')
    from images
    where status in ('failed', 'rejected')
    union all
    select stage, 'rejected', subject, reason || if(detail = '', '', ': ' || detail)
    from rejections
    where resolved_at is null
),
named as (
    select
        *,
        -- What differs from one failure to the next: names in quotes, numbers, hosts.
        regexp_replace(
            example, '''[^'']*''|"[^"]*"|\S+\.\S+(:\d+)?|\d+', '…', 'g'
        ) as reason
    from failed
)
select
    stage,
    outcome,
    min_by(example, subject) as reason,
    count(*) as count,
    min(subject) as example_subject
from named
group by stage, outcome, named.reason;

comment on view failures is
'What could not be had or taken, as it stands: each reason, how often, one example.';
comment on column failures.stage is '''page'', ''image'', ''read'', ''parse'' or ''taxonomy''';
comment on column failures.outcome is 'What happened, in one word';
comment on column failures.reason is 'What happened to the example, in words';
comment on column failures.count is 'How many failed alike: for the same reason but for names, numbers and hosts in it';
comment on column failures.example_subject is 'Path or address of one of them';
