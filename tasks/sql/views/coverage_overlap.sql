-- Which providers tell the same stories: pairs with articles that are related.
create or replace view coverage_overlap as
with pairs as (
    select distinct
        least(source.provider_id, target.provider_id) as one_id,
        greatest(source.provider_id, target.provider_id) as other_id,
        least(source.article_id, target.article_id) as one_article_id,
        greatest(source.article_id, target.article_id) as other_article_id
    from related_edges
    join articles as source on source.article_id = related_edges.source_article_id
    join articles as target on target.article_id = related_edges.target_article_id
    where related_edges.removed_at is null
        and related_edges.kind in ('related', 'duplicate')
        and source.provider_id <> target.provider_id
),
counted as (
    select one_id, other_id, count(*) as pairs_of_articles
    from pairs
    group by one_id, other_id
)
select
    one.name as provider,
    other.name as other_provider,
    counted.pairs_of_articles,
    one.provider_id,
    other.provider_id as other_provider_id
from counted
join providers as one on one.provider_id = counted.one_id
join providers as other on other.provider_id = counted.other_id;

comment on view coverage_overlap is
'Which providers tell the same stories: pairs with articles that are related.';
comment on column coverage_overlap.provider is 'Name of one provider';
comment on column coverage_overlap.other_provider is 'Name of the other; each pair is one row';
comment on column coverage_overlap.pairs_of_articles is 'Pairs of articles, one of each, that are related or duplicates';
comment on column coverage_overlap.provider_id is 'One provider (providers.provider_id)';
comment on column coverage_overlap.other_provider_id is 'The other (providers.provider_id)';
