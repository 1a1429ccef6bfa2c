-- One row an article: who published it, what became of its page and its images.
create or replace view article_overview as
select
    articles.article_id,
    articles.title,
    articles.url,
    providers.name as provider,
    providers.registrable_domain,
    articles.published_at,
    articles.category,
    articles.type,
    topics.topics,
    articles.quality,
    articles.heat,
    articles.is_published,
    articles.is_removed,
    articles.is_stub,
    articles.is_orphaned,
    pages.article_id is not null as has_page,
    pages.language,
    pages.word_count,
    coalesce(pictures.images, 0) as images,
    coalesce(pictures.cached_images, 0) as cached_images,
    coalesce(edges.related, 0) as related,
    sources.name as source,
    documents.path
from articles
join documents on documents.document_id = articles.document_id
join sources on sources.source_id = documents.source_id
left join providers on providers.provider_id = articles.provider_id
left join pages on pages.article_id = articles.article_id
left join (
    select
        article_topics.article_id,
        list(topics.name order by article_topics.position) as topics
    from article_topics
    join topics on topics.topic_id = article_topics.topic_id
    group by article_topics.article_id
) as topics on topics.article_id = articles.article_id
left join (
    select
        article_images.article_id,
        count(*) as images,
        count(*) filter (where images.status = 'cached') as cached_images
    from article_images
    join images on images.image_id = article_images.image_id
    group by article_images.article_id
) as pictures on pictures.article_id = articles.article_id
left join (
    select source_article_id, count(*) as related
    from related_edges
    where kind = 'related' and removed_at is null
    group by source_article_id
) as edges on edges.source_article_id = articles.article_id;

comment on view article_overview is
'One row an article: who published it, what became of its page and its images.';
comment on column article_overview.article_id is 'Article (articles.article_id)';
comment on column article_overview.title is 'Title, repaired';
comment on column article_overview.url is 'Address';
comment on column article_overview.provider is 'Name of who published it';
comment on column article_overview.registrable_domain is 'Domain of the provider that somebody registered';
comment on column article_overview.published_at is 'When it was published';
comment on column article_overview.category is 'Category of the hub, such as news';
comment on column article_overview.type is 'Kind of content: article, video, …';
comment on column article_overview.topics is 'Names of its topics, in the article''s order; NULL if none';
comment on column article_overview.quality is 'The hub''s measure of quality';
comment on column article_overview.heat is 'The hub''s measure of attention; -1 where it has none';
comment on column article_overview.is_published is 'Whether the hub shows it';
comment on column article_overview.is_removed is 'Whether the hub marked it as removed';
comment on column article_overview.is_stub is 'Known only from others'' related lists: no file of its own';
comment on column article_overview.is_orphaned is 'No file says so any more: the one it was made from is gone or changed its mind';
comment on column article_overview.has_page is 'Whether a page of it was captured and read';
comment on column article_overview.language is 'Language of the page, as declared';
comment on column article_overview.word_count is 'Words of the page''s text';
comment on column article_overview.images is 'Images that its file names';
comment on column article_overview.cached_images is 'How many of these are in the image cache';
comment on column article_overview.related is 'Related articles that its file lists';
comment on column article_overview.source is 'Source of the file that the row was made from (sources.name)';
comment on column article_overview.path is 'Path of that file within the source';
