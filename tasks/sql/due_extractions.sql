-- Captures that answered and that no page was read from yet, the latest of each article;
-- with $since, also those whose page was read before that moment. An archive's copy keeps
-- the address of its page, lest its links lead into the archive.
select captures.capture_id, captures.article_id,
    if(captures.via = 'archive', articles.url, captures.final_url),
    captures.content_type, captures.warc_file, captures.warc_offset,
    captures.warc_length, providers.name
from captures
join articles on articles.article_id = captures.article_id
left join providers on providers.provider_id = articles.provider_id
left join pages on pages.article_id = captures.article_id
where captures.outcome = 'ok'
    and captures.warc_file is not null
    and (
        ($since is not null and coalesce(pages.read_at < $since, true))
        or (
            pages.capture_id is distinct from captures.capture_id
            and captures.capture_id not in (
                select subject_id
                from rejections
                where stage = 'page' and resolved_at is null and subject_id is not null
            )
        )
    )
qualify row_number() over (
    partition by captures.article_id order by captures.attempt desc
) = 1
order by captures.warc_file, captures.warc_offset
