-- The links of a page are those of its latest reading.
delete from links
where article_id in (select article_id from batch_pages)
