-- A damaged capture is made good by a later one of its article that is kept.
update rejections
set resolved_at = $moment
where resolved_at is null
    and stage = 'capture'
    and not exists (
        from captures
        where captures.capture_id = rejections.subject_id
            and not exists (
                from captures as later
                where later.article_id = captures.article_id
                    and later.attempt > captures.attempt
                    and later.warc_file is not null
            )
    )
