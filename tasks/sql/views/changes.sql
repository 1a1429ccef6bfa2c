-- What became new, other or was removed, when, and how heat rose: one row a change. An
-- article is new and removed, not its file: one that was renamed, or another that tells
-- the same article, is neither. It is new when a file of its own was first seen, or
-- committed; a file that is older than its article told of another one before.
create or replace view changes as
with seen as (
    select
        document_id,
        observed_at,
        title,
        heat,
        lag(title) over told as title_before,
        lag(heat) over told as heat_before,
        row_number() over told as number
    from observations
    window told as (partition by document_id order by observed_at)
),
own_files as (
    select
        articles.article_id,
        min(
            if(
                articles.first_seen_at > documents.first_seen_at,
                articles.first_seen_at,
                coalesce(seen.observed_at, documents.first_seen_at)
            )
        ) as new_at,
        max(documents.removed_at) as removed_at,
        bool_or(documents.removed_at is null) as is_there
    from articles
    join documents on documents.article_id = articles.article_id
    left join seen
        on seen.document_id = documents.document_id
        and seen.number = 1
    where not articles.is_stub
    group by articles.article_id
),
happened as (
    select
        'new' as change,
        coalesce(own_files.new_at, articles.first_seen_at) as happened_at,
        articles.article_id,
        articles.document_id,
        null as title_before,
        null as title_then,
        null as heat_before,
        null as heat_then
    from articles
    left join own_files on own_files.article_id = articles.article_id
    where not articles.is_stub
    union all
    select
        'changed', seen.observed_at, documents.article_id, seen.document_id,
        seen.title_before, seen.title, seen.heat_before, seen.heat
    from seen
    join documents on documents.document_id = seen.document_id
    where seen.number > 1
    union all
    select
        'removed',
        -- what the file says now it says since its last change, as far as is known
        if(
            own_files.is_there or documents.article_id <> articles.article_id,
            documents.changed_at,
            own_files.removed_at
        ),
        articles.article_id, articles.document_id, null, null, null, null
    from articles
    join documents on documents.document_id = articles.document_id
    left join own_files on own_files.article_id = articles.article_id
    where not articles.is_stub
        and (articles.is_removed or own_files.is_there is distinct from true)
)
select
    happened.happened_at,
    happened.change,
    articles.title,
    providers.name as provider,
    nullif(happened.title_before, happened.title_then) as title_before,
    happened.heat_before,
    happened.heat_then as heat,
    happened.heat_then - happened.heat_before as heat_rise,
    articles.url,
    articles.article_id,
    documents.path
from happened
join documents on documents.document_id = happened.document_id
join articles on articles.article_id = happened.article_id
left join providers on providers.provider_id = articles.provider_id
where happened.change <> 'changed'
    or articles.first_seen_at <= documents.first_seen_at
    or happened.happened_at > articles.first_seen_at;

comment on view changes is
'What became new, other or was removed, when, and how heat rose: one row a change.';
comment on column changes.happened_at is 'When: the commit''s time, of a git source, or that of the run that saw it';
comment on column changes.change is '''new'' (a file of its own came), ''changed'' (title, heat, quality or is_published) or ''removed'' (the last such file is gone, or the hub marked it as removed)';
comment on column changes.title is 'The article''s title now';
comment on column changes.provider is 'Name of its provider';
comment on column changes.title_before is 'Title before the change; NULL unless it changed';
comment on column changes.heat_before is 'Heat before the change';
comment on column changes.heat is 'Heat after it';
comment on column changes.heat_rise is 'By how much heat rose; from -1 where it had none before';
comment on column changes.url is 'Address';
comment on column changes.article_id is 'Article (articles.article_id)';
comment on column changes.path is 'Path within its source of the file that told of it';
