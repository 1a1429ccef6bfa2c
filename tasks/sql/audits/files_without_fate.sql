-- Every file that is known to be loaded is a document, and the other way round.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(path, 3), ', '), '') as detail
from (
    select source_id, path from files where kind = 'article' and fate = 'loaded'
    except
    select source_id, path from documents where removed_at is null
)
