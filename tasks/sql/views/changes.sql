-- What became new, other or was removed, when, and how heat rose: one row a change.
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
happened as (
    select
        'new' as change, first_seen_at as happened_at, document_id,
        null as title_before, null as heat_before, null as heat_then
    from articles
    where not is_stub
    union all
    select 'changed', observed_at, document_id, title_before, heat_before, heat
    from seen
    where number > 1
    union all
    select 'removed', removed_at, document_id, null, null, null
    from documents
    where removed_at is not null
)
select
    happened.happened_at,
    happened.change,
    articles.title,
    providers.name as provider,
    happened.title_before,
    happened.heat_before,
    happened.heat_then as heat,
    happened.heat_then - happened.heat_before as heat_rise,
    articles.url,
    articles.article_id,
    documents.path
from happened
join documents on documents.document_id = happened.document_id
join articles on articles.article_id = documents.article_id
left join providers on providers.provider_id = articles.provider_id;

comment on view changes is
'What became new, other or was removed, when, and how heat rose: one row a change.';
comment on column changes.happened_at is 'When';
comment on column changes.change is '''new'', ''changed'' or ''removed''';
comment on column changes.title is 'The article''s title now';
comment on column changes.provider is 'Name of its provider';
comment on column changes.title_before is 'Title before the change; NULL unless it changed';
comment on column changes.heat_before is 'Heat before the change';
comment on column changes.heat is 'Heat after it';
comment on column changes.heat_rise is 'By how much heat rose';
comment on column changes.url is 'Address';
comment on column changes.article_id is 'Article (articles.article_id)';
comment on column changes.path is 'Path of its file within its source';
