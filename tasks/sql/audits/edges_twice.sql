-- A pair of articles has one edge of a kind. Looked at are all edges of articles that have
-- new ones; where nobody knows what is new, a hundred thousand ($sampled), others in each
-- run, or all.
with part as (
    select
        (1 + (select count(*) from related_edges) // 100_000)::ubigint as parts,
        (select max(run_number) from runs)::ubigint as number
),
twice as (
    select source_article_id
    from related_edges, part
    where source_article_id in (
            select source_article_id
            from related_edges, part
            where first_seen_at >= $since
                and (not $sampled or hash(source_article_id) % parts = number % parts)
        )
        and (not $sampled or hash(source_article_id) % parts = number % parts)
    group by source_article_id, target_article_id, kind
    having count(*) > 1
)
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(source_article_id::varchar, 3), ', '), '') as detail
from twice
