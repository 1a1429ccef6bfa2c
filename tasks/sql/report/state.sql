-- What a published state holds, and which run made it.
select
    run_number,
    coalesce(finished_at, started_at) as published_at,
    status,
    (
        select count(*)
        from articles
        where not is_stub
            and article_id in (select article_id from documents where removed_at is null)
    ) as articles,
    (select count(*) from pages) as pages,
    (select count(*) from images where status = 'cached') as images
from runs
order by run_number desc
limit 1
