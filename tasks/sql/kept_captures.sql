-- Each response that a row names, in the order in which they lie on disk.
select capture_id, url, warc_file, warc_offset, warc_length
from captures
where warc_file is not null
order by warc_file, warc_offset
