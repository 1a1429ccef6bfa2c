-- Whether a document of the batch, or one that is gone, was ever loaded before.
select exists (
    from documents
    where document_id in (
        select document_id from batch_documents
        union all
        select document_id from batch_ids
    )
)
