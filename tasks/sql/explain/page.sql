-- What its page says, and of which try that is.
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
    captures.via
from pages
left join captures on captures.capture_id = pages.capture_id
where pages.article_id in (select article_id from articles where url_key = $key)
