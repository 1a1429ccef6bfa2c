-- The files that cached images name, each once.
select distinct path
from images
where status = 'cached' and path is not null
