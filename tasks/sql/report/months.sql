-- How many articles the hub's own files date in each month (UTC), up to now.
select
    year(published_at)::integer as year,
    month(published_at)::integer as month,
    count(*) as articles
from articles
where not is_stub and published_at <= now()
group by year(published_at), month(published_at)
order by year, month
