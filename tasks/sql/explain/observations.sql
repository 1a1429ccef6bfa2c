-- What a reader could see of it, each time it changed, the last first.
select
    observations.observed_at,
    observations.title,
    observations.heat,
    observations.quality,
    observations.is_published,
    observations.revision,
    documents.path
from observations
join documents on documents.document_id = observations.document_id
where documents.article_id in (select article_id from articles where url_key = $key)
order by observations.observed_at desc
