-- Links in their order on the page.
insert into links by name
select * from batch_links
