-- One row a provider: how much it published, how much of that can still be read, how
-- soon it was seen and how often texts were mended.
create or replace view provider_overview as
with first_reads as (
    select source_id, min(first_seen_at) as began_at from documents group by source_id
),
arrived as (
    -- what a source held when it was first read came nobody knows when, but by history
    select documents.document_id
    from documents
    inner join sources on sources.source_id = documents.source_id
    inner join first_reads on first_reads.source_id = documents.source_id
    where
        sources.backfilled_revision is not null
        or documents.first_seen_at > first_reads.began_at
),
seen as (
    select document_id, min(observed_at) as observed_at
    from observations
    semi join arrived on arrived.document_id = observations.document_id
    group by document_id
),
asked as (
    select
        article_id,
        arg_max(via, attempt) = 'origin'
        and arg_max(outcome, attempt) in ('ok', 'not_modified') as is_living
    from captures
    group by article_id
),
mended as (
    select distinct subject_id
    from repairs
    where subject_table = 'articles'
),
counted as (
    select
        articles.provider_id,
        count(*) as articles,
        count(*) filter (where not articles.is_stub) as own_articles,
        count(pages.article_id) as pages,
        count(pages.article_id) filter (where not articles.is_stub) as own_pages,
        count(asked.article_id) as asked,
        count(*) filter (where asked.is_living) as living,
        median(articles.quality) as median_quality,
        median(date_diff('second', articles.published_at, seen.observed_at))
            filter (where not articles.is_stub) as median_delay_seconds,
        count(mended.subject_id) as repaired,
        min(articles.published_at) as first_published_at,
        max(articles.published_at) as last_published_at
    from articles
    left join pages on pages.article_id = articles.article_id
    left join asked on asked.article_id = articles.article_id
    left join seen on seen.document_id = articles.document_id
    left join mended on mended.subject_id = articles.article_id
    group by articles.provider_id
)
select
    providers.provider_id,
    providers.name as provider,
    providers.domain,
    coalesce(counted.articles, 0) as articles,
    coalesce(counted.own_articles, 0) as own_articles,
    coalesce(counted.pages, 0) as pages,
    round(counted.own_pages / nullif(counted.own_articles, 0), 3) as share_with_page,
    coalesce(counted.asked, 0) as asked,
    coalesce(counted.living, 0) as living_pages,
    round(counted.living / nullif(counted.asked, 0), 3) as share_living,
    counted.median_quality,
    round(counted.median_delay_seconds / 3600, 1) as median_delay_hours,
    round(counted.repaired / counted.articles, 3) as share_repaired,
    counted.first_published_at,
    counted.last_published_at
from providers
left join counted on counted.provider_id = providers.provider_id;

comment on view provider_overview is
'One row a provider: how much it published, how much can still be read, how soon it was seen, how often texts were mended. Articles without provider are in none.';
comment on column provider_overview.provider_id is 'Provider (providers.provider_id)';
comment on column provider_overview.provider is 'Name';
comment on column provider_overview.domain is 'Domain';
comment on column provider_overview.articles is 'Articles known; stubs, and those whose files are gone, too';
comment on column provider_overview.own_articles is 'Articles with a file of their own, though it may be gone by now';
comment on column provider_overview.pages is 'Articles with a captured page, by whichever route';
comment on column provider_overview.share_with_page is 'Share of the own articles that have one, 0 to 1';
comment on column provider_overview.asked is 'Articles whose page was asked for';
comment on column provider_overview.living_pages is 'Pages that stood at their own address when they were asked for last';
comment on column provider_overview.share_living is 'Share of the asked ones that did, 0 to 1; NULL if none was asked for';
comment on column provider_overview.median_quality is 'Median of the hub''s measure of quality';
comment on column provider_overview.median_delay_hours is 'Median time from publication to the first observation of the own articles, hours; of those that came after the first run on their source, or all where its history was back-filled';
comment on column provider_overview.share_repaired is 'Share of the articles of which a text was mended, 0 to 1';
comment on column provider_overview.first_published_at is 'Earliest publication';
comment on column provider_overview.last_published_at is 'Latest publication';
