-- How many articles the hub's own files date in each month (UTC), up to now.
with dated as (
    select make_timestamp(epoch_us(published_at)) as published_at -- UTC, as in views
    from articles
    where not is_stub and published_at <= now()
)
select
    year(published_at)::integer as year,
    month(published_at)::integer as month,
    count(*) as articles
from dated
group by year(published_at), month(published_at)
order by year, month
