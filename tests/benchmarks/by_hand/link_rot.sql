with latest as (
    select article_id, max(requested_at) as asked_at, max(attempt * 8 + case
        when outcome not in ('ok', 'not_modified') then 0 when via = 'origin' then 1
        when via = 'amp' then 2 when via = 'cdn_amp' then 3 else 4 end) % 8 as fate
    from captures group by article_id
)
select
    p.name, year(make_timestamp(epoch_us(published_at))) as published_in,
    date_sub('year', make_timestamp(epoch_us(published_at)),
        make_timestamp(epoch_us(asked_at))) as age,
    count(*), count_if(fate = 1), count_if(fate = 2), count_if(fate = 3),
    count_if(fate = 4), count_if(fate = 0), round(count_if(fate = 0) / count(*), 3),
    provider_id
from latest join articles using (article_id) left join providers p using (provider_id)
group by provider_id, p.name, published_in, age
