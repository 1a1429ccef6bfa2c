-- The repairs of an article's row are those of the words it was made from.
delete from repairs
where subject_table = 'articles'
    and subject_id in (select article_id from winners)
