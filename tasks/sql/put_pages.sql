-- An article has one page: what its latest readable capture says.
insert or replace into pages by name
select *, $moment::timestamptz as read_at
from batch_pages
