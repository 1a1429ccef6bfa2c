-- By provider and year: how many pages still stand, and which route saved the others.
create or replace view link_rot as
with latest as (
    select
        article_id,
        arg_max(via, attempt) filter (where outcome in ('ok', 'not_modified')) as via
    from captures
    group by article_id
)
select
    providers.name as provider,
    year(articles.published_at) as published_in,
    count(*) as tried,
    count(*) filter (where latest.via = 'origin') as at_origin,
    count(*) filter (where latest.via in ('amp', 'cdn_amp')) as saved_by_amp,
    count(*) filter (where latest.via = 'archive') as saved_by_archive,
    count(*) filter (where latest.via is null) as lost,
    round(count(*) filter (where latest.via is null) / count(*), 3) as share_lost
from latest
join articles on articles.article_id = latest.article_id
left join providers on providers.provider_id = articles.provider_id
group by providers.name, published_in;

comment on view link_rot is
'By provider and year: how many pages still stand, and which route saved the others.';
