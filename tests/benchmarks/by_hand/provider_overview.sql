with a as (
    select
        provider_id, is_stub, quality, articles.published_at, articles.article_id,
        document_id,
        pages.article_id is not null as has_page
    from articles left join pages using (article_id)
),
basic as (
    select
        provider_id, count(*) as articles, count_if(not is_stub) as own,
        count_if(has_page) as pages, count_if(has_page and not is_stub) as own_pages,
        median(quality) as quality, min(published_at) as first, max(published_at) as last
    from a group by provider_id
),
tries as (
    select article_id, max(attempt * 2 + (
        via = 'origin' and outcome in ('ok', 'not_modified'))::int) % 2 as living
    from captures group by article_id
),
asked as (
    select provider_id, count(*) as asked, sum(living)::bigint as living
    from tries join a using (article_id) group by provider_id
),
known as (
    select document_id
    from documents join sources using (source_id)
    where backfilled_revision is not null or first_seen_at > (
        select min(first_seen_at) from documents d
        where d.source_id = documents.source_id
    )
),
delays as (
    select provider_id, median(date_diff('second', published_at, seen)) as delay
    from a join (
        select document_id, min(observed_at) as seen
        from observations semi join known using (document_id) group by document_id
    ) using (document_id)
    where not is_stub group by provider_id
),
mended as (
    select provider_id, count(*) as repaired
    from a semi join repairs
        on subject_id = article_id and subject_table = 'articles'
    group by provider_id
)
select
    p.provider_id, p.name, p.domain, coalesce(articles, 0), coalesce(own, 0),
    coalesce(pages, 0), round(own_pages / nullif(own, 0), 3), coalesce(asked, 0),
    coalesce(living, 0), round(living / asked, 3), quality, round(delay / 3600, 1),
    round(coalesce(repaired, 0) / articles, 3), first, last
from providers p
left join basic using (provider_id)
left join asked using (provider_id)
left join delays using (provider_id)
left join mended using (provider_id)
