-- The files that tell of the article: its own, and of a stub the one that mentions it.
select
    sources.name as source,
    sources.location,
    documents.path,
    documents.revision,
    documents.sha256,
    documents.first_seen_at,
    documents.changed_at,
    runs.run_number as changed_in_run,
    runs.version as by_version,
    documents.removed_at
from documents
join sources on sources.source_id = documents.source_id
left join runs on runs.started_at = documents.changed_at
where documents.article_id in (select article_id from articles where url_key = $key)
    or documents.document_id in (
        select document_id from articles where url_key = $key
    )
order by sources.name, documents.path
