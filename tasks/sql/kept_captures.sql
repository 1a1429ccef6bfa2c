-- Each answer that lies in a WARC file, in the order in which they lie there.
select capture_id, url, warc_file, warc_offset, warc_length
from captures
where warc_file is not null
order by warc_file, warc_offset
