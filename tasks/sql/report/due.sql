-- What the next run would ask the network for.
select 'pages never asked for' as what, count(*) as count
from articles
where not is_stub
    and not is_removed
    and article_id not in (select article_id from captures)
union all
select 'pages due again', count(*)
from (
    select article_id
    from captures
    group by article_id
    having arg_max(next_fetch_at, attempt) <= now()
)
union all
select 'images due', count(*)
from images
where status = 'due' or next_check_at <= now()
