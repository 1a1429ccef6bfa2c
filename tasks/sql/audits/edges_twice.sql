-- A pair of articles has one edge of a kind. Looked at are the edges that are new in this
-- run, and all edges of some articles, a hundred thousand in all, in each run other ones.
with part as (
    select
        (1 + (select count(*) from related_edges) // 100_000)::ubigint as parts,
        (select max(run_number) from runs)::ubigint as number,
        (select max(started_at) from runs) as moment
),
twice as (
    select source_article_id
    from related_edges, part
    where first_seen_at >= moment
        or hash(source_article_id) % parts = number % parts
    group by source_article_id, target_article_id, kind
    having count(*) > 1
)
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(source_article_id::varchar, 3), ', '), '') as detail
from twice
