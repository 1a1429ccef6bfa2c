-- After a jump of the clock, what is past due, or due too far ahead, is due at a moment of
-- its own within the usual days: neither all at once nor in ten years.
update captures
set next_fetch_at = $moment + to_seconds(
    $usual_days * 86400 * (hash(captures.article_id) % 1000 + 1) / 1000
)
from (
    select article_id, max(attempt) as attempt
    from captures
    group by article_id
) as last
where captures.article_id = last.article_id
    and captures.attempt = last.attempt
    and (next_fetch_at <= $moment or next_fetch_at > $latest)
