-- By provider, year and age: how many pages still stood when they were asked for last,
-- and which route saved the others. Within a run the routes are tried until one has the
-- page, so the last try tells. Moments are counted without a time zone: that is UTC, and
-- forty times as fast.
create or replace view link_rot as
with latest as (
    select
        article_id,
        max(requested_at) as asked_at,
        arg_max(if(outcome in ('ok', 'not_modified'), via, 'lost'), attempt) as fate
    from captures
    group by article_id
)
select
    providers.name as provider,
    year(make_timestamp(epoch_us(articles.published_at))) as published_in,
    date_sub(
        'year', make_timestamp(epoch_us(articles.published_at)),
        make_timestamp(epoch_us(latest.asked_at))
    ) as age_years,
    count(*) as tried,
    count(*) filter (where latest.fate = 'origin') as at_origin,
    count(*) filter (where latest.fate = 'amp') as saved_by_amp,
    count(*) filter (where latest.fate = 'cdn_amp') as saved_by_cdn_amp,
    count(*) filter (where latest.fate = 'archive') as saved_by_archive,
    count(*) filter (where latest.fate = 'lost') as lost,
    round(count(*) filter (where latest.fate = 'lost') / count(*), 3) as share_lost,
    providers.provider_id
from latest
join articles on articles.article_id = latest.article_id
left join providers on providers.provider_id = articles.provider_id
group by providers.provider_id, providers.name, published_in, age_years;

comment on view link_rot is
'By provider, year and age: how many pages still stood when they were asked for last, and which route saved the others.';
comment on column link_rot.provider is 'Name of the provider; NULL where none is known';
comment on column link_rot.published_in is 'Year of publication, UTC; NULL where it is not known';
comment on column link_rot.age_years is 'Whole years from publication to the last try';
comment on column link_rot.tried is 'Articles whose page was asked for';
comment on column link_rot.at_origin is 'Pages that stood at their own address';
comment on column link_rot.saved_by_amp is 'Pages that their AMP twin had';
comment on column link_rot.saved_by_cdn_amp is 'Pages that the AMP twin in a cache had';
comment on column link_rot.saved_by_archive is 'Pages that a web archive had';
comment on column link_rot.lost is 'Pages that no route had';
comment on column link_rot.share_lost is 'Share of the tried ones that are lost, 0 to 1';
comment on column link_rot.provider_id is 'Provider (providers.provider_id)';
