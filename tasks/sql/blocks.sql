-- The blocks of the file in which rows of a table lie.
select distinct unnest(list_append(coalesce(additional_block_ids, []), block_id))
from pragma_storage_info($1)
