-- A file is observed only when a reader of the hub could see a difference.
insert into observations (
    document_id, observed_at, title, heat, quality, is_published, revision
)
select
    batch.document_id, $moment, batch.title, batch.heat, batch.quality,
    batch.is_published, batch.revision
from batch_documents as batch
left join (
    select *
    from observations
    where document_id in (select document_id from batch_documents)
    qualify row_number() over (
        partition by document_id order by observed_at desc
    ) = 1
) as latest
    on latest.document_id = batch.document_id
where latest.document_id is null
    or (latest.title, latest.heat, latest.quality, latest.is_published)
    is distinct from (batch.title, batch.heat, batch.quality, batch.is_published)
on conflict do nothing
