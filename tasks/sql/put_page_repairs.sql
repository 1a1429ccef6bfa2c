-- Each change of a text of a page or of its links.
insert into repairs by name
select * from batch_page_repairs
