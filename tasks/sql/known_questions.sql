-- Which views and macros this file has, by the digest of their statements.
select name
from schema_version
where version = 0
