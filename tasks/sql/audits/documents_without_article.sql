-- Every file that was loaded has its article.
select count(*), coalesce(min(path), '')
from documents
where article_id not in (select article_id from articles)
