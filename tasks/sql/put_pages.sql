-- An article has one page: what its latest readable capture says.
insert or replace into pages by name
select * from batch_pages
