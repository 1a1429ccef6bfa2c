-- Up to $count captures that name a place in a WARC, others for each $seed.
select
    url,
    warc_file,
    warc_offset,
    warc_length,
    body_sha256
from captures
where warc_file is not null and body_sha256 is not null
order by hash(capture_id, $seed::bigint)
limit $count
