-- The tables of the warehouse, each with the statement that would make it.
select table_name, sql as columns
from duckdb_tables()
where not internal
    and not temporary
order by table_name
