-- Articles whose page is due: never asked for, or past the moment that the last try set.
with tries as (
    select
        article_id,
        max(attempt) as attempts,
        arg_max(next_fetch_at, attempt) as next_fetch_at,
        arg_max(outcome, attempt) in ('ok', 'not_modified') as is_captured,
        count(*) filter (where outcome not in ('ok', 'not_modified')) as failures,
        arg_max(etag, attempt) filter (where outcome = 'ok' and via = 'origin') as etag,
        arg_max(last_modified, attempt) filter (
            where outcome = 'ok' and via = 'origin'
        ) as last_modified
    from captures
    group by article_id
)
select
    articles.article_id, articles.url, articles.amp_url, articles.cdn_amp_url,
    articles.published_at, coalesce(tries.attempts, 0), coalesce(tries.failures, 0),
    tries.etag, tries.last_modified
from articles
join documents on documents.document_id = articles.document_id
left join tries on tries.article_id = articles.article_id
where not articles.is_removed
    and documents.removed_at is null
    and (not articles.is_stub or $include_related)
    and (
        tries.article_id is null
        or tries.next_fetch_at <= $moment
        or ($retry_failed and not tries.is_captured)
    )
order by tries.article_id is not null, tries.next_fetch_at, articles.url_key
