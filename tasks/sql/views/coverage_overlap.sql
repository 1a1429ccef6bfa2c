-- Which providers tell the same stories: pairs with articles that are related. Each pair
-- of articles counts once, however many edges it has; pairs are packed into one number of
-- the rows' places, as half of the time goes into telling them apart.
create or replace view coverage_overlap as
with publishers as (
    select rowid as number, provider_id, name
    from providers
),
published as (
    select articles.rowid as number, articles.article_id, publishers.number as publisher
    from articles
    join publishers on publishers.provider_id = articles.provider_id
),
pairs as (
    select distinct
        least(source.number, target.number) << 32
        | greatest(source.number, target.number) as articles,
        if(
            source.number < target.number,
            source.publisher << 32 | target.publisher,
            target.publisher << 32 | source.publisher
        ) as publishers
    from related_edges
    join published as source on source.article_id = related_edges.source_article_id
    join published as target on target.article_id = related_edges.target_article_id
    where related_edges.removed_at is null
        and related_edges.kind in ('related', 'duplicate')
        and source.publisher <> target.publisher
),
counted as (
    select
        least(publishers >> 32, publishers & 4_294_967_295) as one_number,
        greatest(publishers >> 32, publishers & 4_294_967_295) as other_number,
        count(*) as pairs_of_articles
    from pairs
    group by one_number, other_number
)
select
    one.name as provider,
    other.name as other_provider,
    counted.pairs_of_articles,
    one.provider_id,
    other.provider_id as other_provider_id
from counted
join publishers as one on one.number = counted.one_number
join publishers as other on other.number = counted.other_number;

comment on view coverage_overlap is
'Which providers tell the same stories: pairs with articles that are related.';
comment on column coverage_overlap.provider is 'Name of one provider';
comment on column coverage_overlap.other_provider is 'Name of the other; each pair is one row';
comment on column coverage_overlap.pairs_of_articles is 'Pairs of articles, one of each, that are related or duplicates';
comment on column coverage_overlap.provider_id is 'One provider (providers.provider_id)';
comment on column coverage_overlap.other_provider_id is 'The other (providers.provider_id)';
