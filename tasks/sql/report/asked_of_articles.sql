-- What the parts that may be kept ask of articles, as a digest: most runs change nothing
-- of it, as heat is no part of the report.
select
    count(*)::varchar
    || ' ' || sum(hash(article_id, provider_id, published_at, is_stub))::varchar as digest
from articles
