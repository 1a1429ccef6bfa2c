-- Every file that is known to be loaded is a document, and the other way round.
select count(*), coalesce(min(path), '')
from (
    select source_id, path from files where kind = 'article' and fate = 'loaded'
    except
    select source_id, path from documents where removed_at is null
)
