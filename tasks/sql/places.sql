-- Of each range of $many places in a table, what differs once DuckDB wrote rows of it
-- elsewhere in the file, as it does at a checkpoint with each group of rows that changed;
-- and whether all of them are in the file. No row is read.
with lying as (
    select
        row_group_id,
        sum("count") filter (where column_path = '[0]') as size,
        sum(hash(segment)) as digest,
        bool_and(persistent and not has_updates) as is_settled
    from pragma_storage_info($name) as segment
    group by row_group_id
),
placed as (
    select
        lying.*,
        sum(size) over (order by row_group_id) - size as first_place
    from lying
),
spread as (
    select
        placed.*,
        unnest(
            range(
                (first_place // $many)::bigint,
                ((first_place + size - 1) // $many)::bigint + 1
            )
        ) as part
    from placed
)
select
    part,
    sum(hash(first_place, size, digest))::varchar as digest,
    bool_and(is_settled) as is_settled
from spread
group by part
