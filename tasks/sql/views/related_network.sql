-- The edges that stand, with the titles and providers of both ends.
create or replace view related_network as
with published as (
    select articles.article_id, articles.title, providers.name as provider
    from articles
    left join providers on providers.provider_id = articles.provider_id
)
select
    related_edges.kind,
    related_edges.position,
    source.article_id as source_article_id,
    source.title as source_title,
    source.provider as source_provider,
    target.article_id as target_article_id,
    target.title as target_title,
    target.provider as target_provider,
    related_edges.first_seen_at
from related_edges
join published as source on source.article_id = related_edges.source_article_id
join published as target on target.article_id = related_edges.target_article_id
where related_edges.removed_at is null;

comment on view related_network is
'The edges that stand, with the titles and providers of both ends.';
comment on column related_network.kind is '''related'', ''link'' or ''duplicate''';
comment on column related_network.position is 'First place in the list, from 0';
comment on column related_network.source_article_id is 'Article that leads (articles.article_id)';
comment on column related_network.source_title is 'Its title';
comment on column related_network.source_provider is 'Name of its provider';
comment on column related_network.target_article_id is 'Article led to (articles.article_id)';
comment on column related_network.target_title is 'Its title';
comment on column related_network.target_provider is 'Name of its provider';
comment on column related_network.first_seen_at is 'When the edge was first seen';
