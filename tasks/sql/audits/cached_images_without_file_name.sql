-- Every cached image names its file.
select count(*), coalesce(min(url), '')
from images
where status = 'cached' and (path is null or sha256 is null)
