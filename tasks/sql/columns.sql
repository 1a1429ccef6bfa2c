-- The tables of the warehouse, each with its columns and their types in words.
select
    table_name,
    string_agg(column_name || ' ' || data_type, ', ' order by column_index) as columns
from duckdb_columns()
where not internal
    and table_name in (select table_name from duckdb_tables() where not temporary)
group by table_name
order by table_name
