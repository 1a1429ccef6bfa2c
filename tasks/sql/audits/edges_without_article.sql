-- Both ends of an edge are articles, of which none is ever deleted. Looked at are new
-- edges; where nobody knows what is new, a hundred thousand ($sampled), others in each
-- run, or all.
with part as (
    select
        (1 + (select count(*) from related_edges) // 100_000)::ubigint as parts,
        (select max(run_number) from runs)::ubigint as number
),
looked_at as (
    select source_article_id, target_article_id
    from related_edges, part
    where first_seen_at >= $since
        and (not $sampled or hash(source_article_id) % parts = number % parts)
)
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(source_article_id::varchar, 3), ', '), '') as detail
from looked_at
where source_article_id not in (select article_id from articles)
    or target_article_id not in (select article_id from articles)
