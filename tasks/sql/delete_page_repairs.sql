-- The repairs of a page and its links are those of its latest reading.
delete from repairs
where subject_table in ('pages', 'links')
    and subject_id in (select article_id from batch_pages)
