-- Every page is traced to a capture.
select count(*), coalesce(min(article_id::varchar), '')
from pages
where capture_id not in (select capture_id from captures)
