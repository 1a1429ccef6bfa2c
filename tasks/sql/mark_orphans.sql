-- An article that its file no longer speaks of, and no other does, is an orphan.
update articles
set is_orphaned = true
where not is_orphaned
    and document_id in (
        select document_id from batch_documents
        union all
        select document_id from batch_ids
    )
    and article_id not in (select article_id from winners)
