-- Each change that was made to its texts, its images' and its provider's.
with own as (
    select article_id, provider_id from articles where url_key = $key
)
select subject_table, column_name, position, rule, before, after
from repairs
where subject_id in (
    select article_id from own
    union all
    select provider_id from own
    union all
    select image_id
    from article_images
    where article_id in (select article_id from own)
)
order by subject_table, column_name, position, rule
