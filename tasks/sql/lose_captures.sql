-- A capture that cannot be read back is not there, nor are its validators of any use.
update captures
set
    warc_file = null,
    warc_offset = null,
    warc_length = null,
    etag = null,
    last_modified = null
from batch_lost_captures as batch
where captures.capture_id = batch.capture_id
