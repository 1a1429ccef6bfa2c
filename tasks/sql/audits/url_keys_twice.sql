-- One address, one article.
select count(*), coalesce(min(url_key), '')
from (select url_key from articles group by url_key having count(*) > 1)
