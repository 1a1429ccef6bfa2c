-- Each change of a text is on record once.
insert into repairs (subject_table, subject_id, column_name, rule, before, after)
select distinct
    batch.subject_table, batch.subject_id, batch.column_name, batch.rule,
    batch.before, batch.after
from batch_repairs as batch
left join winners
    on winners.mention = batch.mention
    and winners.article_id = batch.subject_id
where (batch.subject_table <> 'articles' or winners.article_id is not null)
    and not exists (
        from repairs
        where repairs.subject_table = batch.subject_table
            and repairs.subject_id = batch.subject_id
            and repairs.column_name = batch.column_name
            and repairs.rule = batch.rule
            and repairs.before = batch.before
    )
