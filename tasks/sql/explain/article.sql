-- The article itself, and the runs that saw it first and made its row last.
select
    articles.title,
    articles.url,
    articles.url_key,
    providers.name as provider,
    articles.published_at,
    articles.is_stub,
    articles.is_removed,
    articles.is_orphaned,
    articles.first_seen_at,
    first.run_number as first_run,
    articles.last_seen_at,
    last.run_number as last_run,
    last.version as last_version,
    documents.path as made_from,
    articles.article_id
from articles
left join documents on documents.document_id = articles.document_id
left join providers on providers.provider_id = articles.provider_id
left join runs as first on first.started_at = articles.first_seen_at
left join runs as last on last.started_at = articles.last_seen_at
where articles.url_key = $key
