with seen as (
    select
        document_id, observed_at, title, heat,
        lag(title) over w as old_title, lag(heat) over w as old_heat,
        row_number() over w as n
    from observations
    window w as (partition by document_id order by observed_at)
),
events as (
    select first_seen_at as happened_at, 'new' as change, document_id, null as old_title,
        null as old_heat, null as heat
    from articles where not is_stub
    union all
    select observed_at, 'changed', document_id, old_title, old_heat, heat
    from seen where n > 1
    union all
    select removed_at, 'removed', document_id, null, null, null
    from documents where removed_at is not null
)
select
    happened_at, change, a.title, p.name, old_title, old_heat, e.heat, e.heat - old_heat, a.url,
    a.article_id, d.path
from events e
join documents d using (document_id)
join articles a on a.article_id = d.article_id
left join providers p using (provider_id)
