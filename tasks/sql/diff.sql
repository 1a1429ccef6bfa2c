-- What changed from an earlier published state to this one, an article a row. It is there
-- while a file is its own, and the hub does not mark it as removed.
with now as (
    select
        *,
        not is_stub and not is_removed and article_id in (
            select article_id from documents where removed_at is null
        ) as is_there
    from articles
),
earlier as (
    select
        *,
        not is_stub and not is_removed and article_id in (
            select article_id from earlier.documents where removed_at is null
        ) as was_there
    from earlier.articles
),
compared as (
    select
        coalesce(now.article_id, earlier.article_id) as article_id,
        coalesce(now.title, earlier.title) as title,
        coalesce(now.url, earlier.url) as url,
        coalesce(earlier.was_there, false) as was_there,
        coalesce(now.is_there, false) as is_there,
        list_filter(
            [
                if(now.title is distinct from earlier.title, 'title', null),
                if(now.url is distinct from earlier.url, 'url', null),
                if(now.excerpt is distinct from earlier.excerpt, 'excerpt', null),
                if(now.category is distinct from earlier.category, 'category', null),
                if(now.type is distinct from earlier.type, 'type', null),
                if(
                    now.provider_id is distinct from earlier.provider_id,
                    'provider_id', null
                ),
                if(
                    now.published_at is distinct from earlier.published_at,
                    'published_at', null
                ),
                if(now.quality is distinct from earlier.quality, 'quality', null),
                if(now.heat is distinct from earlier.heat, 'heat', null),
                if(
                    now.is_published is distinct from earlier.is_published,
                    'is_published', null
                )
            ],
            lambda name: name is not null
        ) as columns,
        earlier.heat as heat_before,
        now.heat
    from now
    full join earlier on earlier.article_id = now.article_id
)
select
    case
        when is_there and was_there then 'changed'
        when is_there then 'new'
        else 'removed'
    end as change,
    title,
    if(is_there and was_there, columns, []) as columns,
    heat_before,
    heat,
    heat - heat_before as heat_rise,
    url,
    article_id
from compared
where is_there <> was_there or (is_there and len(columns) > 0)
order by change, heat_rise desc nulls last, title, url
