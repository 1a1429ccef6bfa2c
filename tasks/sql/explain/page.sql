-- What its page says, of which try that is, and which run read it.
select
    pages.title,
    pages.authors,
    pages.published_at,
    pages.language,
    pages.word_count,
    pages.encoding,
    pages.encoding_source,
    pages.flags,
    captures.attempt as of_attempt,
    captures.via,
    pages.read_at,
    runs.run_number as read_in_run,
    runs.version as by_version
from pages
left join captures on captures.capture_id = pages.capture_id
left join runs on runs.started_at = pages.read_at
where pages.article_id in (select article_id from articles where url_key = $key)
