with seen as (
    select
        document_id, observed_at, title, heat,
        lag(title) over w as old_title, lag(heat) over w as old_heat,
        row_number() over w as n
    from observations
    window w as (partition by document_id order by observed_at)
),
files as (
    select
        a.article_id,
        min(case when a.first_seen_at > d.first_seen_at then a.first_seen_at
            else coalesce(s.observed_at, d.first_seen_at) end) as new_at,
        max(d.removed_at) as gone_at,
        count(*) filter (where d.removed_at is null) as standing
    from articles a
    join documents d using (article_id)
    left join seen s on s.document_id = d.document_id and s.n = 1
    where not a.is_stub
    group by a.article_id
),
events as (
    select coalesce(new_at, a.first_seen_at) as happened_at, 'new' as change, a.article_id,
        a.document_id, null as old_title, null as old_heat, null as heat
    from articles a left join files using (article_id)
    where not is_stub
    union all
    select observed_at, 'changed', d.article_id, d.document_id,
        case when title <> old_title or title is null then old_title end, old_heat, heat
    from seen join documents d using (document_id)
    where n > 1
    union all
    select case when standing > 0 or d.article_id <> a.article_id then d.changed_at
            else gone_at end,
        'removed', a.article_id, a.document_id, null, null, null
    from articles a
    join documents d using (document_id)
    left join files f on f.article_id = a.article_id
    where not is_stub and (is_removed or coalesce(standing, 0) = 0)
)
select
    happened_at, change, a.title, p.name, old_title, old_heat, e.heat, e.heat - old_heat, a.url,
    a.article_id, d.path
from events e
join documents d using (document_id)
join articles a on a.article_id = e.article_id
left join providers p using (provider_id)
where change <> 'changed' or a.first_seen_at <= d.first_seen_at
    or happened_at > a.first_seen_at
