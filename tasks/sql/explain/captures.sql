-- Each try to get its page, and where the answer lies.
select
    attempt,
    requested_at,
    via,
    url,
    status_code,
    outcome,
    reason,
    final_url,
    warc_file,
    warc_offset,
    body_sha256,
    next_fetch_at
from captures
where article_id in (select article_id from articles where url_key = $key)
order by attempt
