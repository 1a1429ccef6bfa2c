-- How texts were mended: each rule, how often, one example.
select
    rule,
    count(*) as count,
    subject_table || '.' || column_name as example_column,
    left(min_by(before, length(before)), 200) as before,
    left(min_by(after, length(before)), 200) as after
from repairs
group by rule, subject_table, column_name
order by count desc, rule
limit 30
