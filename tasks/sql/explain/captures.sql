-- Each try to get its page, in which run, and where the answer lies.
select
    attempt,
    requested_at,
    runs.run_number as in_run,
    runs.version as by_version,
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
asof left join runs on runs.started_at <= captures.requested_at
where article_id in (select article_id from articles where url_key = $key)
order by attempt
