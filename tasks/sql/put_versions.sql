-- One version a file and second, the later in history; reading it again changes nothing.
-- Of a folder only what shows something new is kept: its moments come in order.
merge into versions
using (
    select
        batch.document_id,
        coalesce(batch.observed_at, $moment::timestamptz) as observed_at,
        batch.generation, batch.revision, batch.title, batch.heat, batch.quality,
        batch.is_published
    from batch_versions as batch
    left join (
        select *
        from versions
        where document_id in (
            select document_id from batch_versions where revision = ''
        )
        qualify row_number() over (
            partition by document_id order by observed_at desc
        ) = 1
    ) as latest
        on latest.document_id = batch.document_id
    where batch.revision <> ''
        or latest.document_id is null
        or (latest.title, latest.heat, latest.quality, latest.is_published)
        is distinct from (batch.title, batch.heat, batch.quality, batch.is_published)
    qualify row_number() over (
        partition by batch.document_id, batch.observed_at
        order by batch.generation desc, batch.revision desc
    ) = 1
) as batch
on versions.document_id = batch.document_id
    and versions.observed_at = batch.observed_at
when matched
    and (batch.generation, batch.revision) >= (versions.generation, versions.revision)
    and (
        batch.generation, batch.revision, batch.title, batch.heat, batch.quality,
        batch.is_published
    ) is distinct from (
        versions.generation, versions.revision, versions.title, versions.heat,
        versions.quality, versions.is_published
    )
then update set
    generation = batch.generation,
    revision = batch.revision,
    title = batch.title,
    heat = batch.heat,
    quality = batch.quality,
    is_published = batch.is_published
when not matched then insert (
    document_id, observed_at, generation, revision, title, heat, quality, is_published
)
values (
    batch.document_id, batch.observed_at, batch.generation, batch.revision, batch.title,
    batch.heat, batch.quality, batch.is_published
)
