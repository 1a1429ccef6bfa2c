-- How many articles of the sources that were read to their end at $moment are loaded.
select count(*)
from files
join sources on sources.source_id = files.source_id
where files.kind = 'article'
    and files.fate = 'loaded'
    and sources.last_read_at = $moment
