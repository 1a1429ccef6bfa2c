-- Articles whose page is due: never asked for, or past the moment that the last try set.
with good as (
    select article_id, max(attempt) as attempt
    from captures
    where via = 'origin' and outcome in ('ok', 'not_modified')
    group by article_id
),
tries as (
    select
        captures.article_id,
        max(captures.attempt) as attempts,
        arg_max(next_fetch_at, captures.attempt) as next_fetch_at,
        arg_max(outcome, captures.attempt) in ('ok', 'not_modified') as is_captured,
        -- All tries of a run set one moment, so it tells runs apart.
        count(distinct next_fetch_at) filter (
            where captures.attempt > coalesce(good.attempt, 0)
        ) as failures
    from captures
    left join good on good.article_id = captures.article_id
    group by captures.article_id
),
-- Validators are good for the address that they came with, and no other.
copies as (
    select article_id, url, etag, last_modified, final_url as validated_url
    from captures
    where outcome = 'ok' and via = 'origin'
    qualify row_number() over (
        partition by article_id, url order by attempt desc
    ) = 1
)
select
    articles.article_id, articles.url, articles.amp_url, articles.cdn_amp_url,
    articles.published_at, coalesce(tries.attempts, 0), coalesce(tries.failures, 0),
    copies.etag, copies.last_modified, copies.validated_url
from articles
join documents on documents.document_id = articles.document_id
left join tries on tries.article_id = articles.article_id
left join copies
    on copies.article_id = articles.article_id and copies.url = articles.url
where not articles.is_removed
    and not articles.is_orphaned
    and documents.removed_at is null
    and (not articles.is_stub or $include_related)
    and (
        tries.article_id is null
        or tries.next_fetch_at <= $moment
        or ($retry_failed and not tries.is_captured)
    )
order by tries.article_id is not null, tries.next_fetch_at, articles.url_key
