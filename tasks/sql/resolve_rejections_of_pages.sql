-- A page that was read after all, or whose article has a later capture, is not rejected.
update rejections
set resolved_at = $moment
where resolved_at is null
    and stage = 'page'
    and (
        subject_id in (select capture_id from batch_pages)
        or subject_id in (
            select captures.capture_id
            from captures
            join batch_pages on batch_pages.article_id = captures.article_id
        )
    )
