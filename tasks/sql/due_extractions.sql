-- Captures that answered and that no page was read from yet, the latest of each article;
-- with $all, those that were read too.
-- An archive's copy is read as what it is a copy of: so its links lead where they led.
select captures.capture_id, captures.article_id,
    case captures.via when 'archive' then articles.url else captures.final_url end,
    captures.content_type, captures.warc_file, captures.warc_offset,
    captures.warc_length
from captures
join articles on articles.article_id = captures.article_id
left join pages on pages.article_id = captures.article_id
where captures.outcome = 'ok'
    and captures.warc_file is not null
    and ($all or (
        pages.capture_id is distinct from captures.capture_id
        and captures.capture_id not in (
            select subject_id
            from rejections
            where stage = 'page' and resolved_at is null and subject_id is not null
        )
    ))
qualify row_number() over (
    partition by captures.article_id order by captures.attempt desc
) = 1
order by captures.warc_file, captures.warc_offset
