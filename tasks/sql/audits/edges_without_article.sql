-- Both ends of an edge are articles. Looked at are the edges that are new in this run, as
-- no article is ever deleted, and some hundred thousand others, in each run other ones.
with part as (
    select
        (1 + (select count(*) from related_edges) // 100_000)::ubigint as parts,
        (select max(run_number) from runs)::ubigint as number,
        (select max(started_at) from runs) as moment
),
looked_at as (
    select source_article_id, target_article_id
    from related_edges, part
    where first_seen_at >= moment
        or hash(source_article_id) % parts = number % parts
)
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(source_article_id::varchar, 3), ', '), '') as detail
from looked_at
where source_article_id not in (select article_id from articles)
    or target_article_id not in (select article_id from articles)
