-- What of it was refused: its files, with the line, its pages and images.
with own as (
    select article_id, url, url_key from articles where url_key = $key
)
select
    rejections.stage,
    rejections.subject,
    rejections.line,
    rejections.reason,
    rejections.detail,
    runs.run_number as in_run,
    rejections.resolved_at
from rejections
left join runs on runs.run_id = rejections.run_id
where rejections.subject in (select url from own)
    or (rejections.source_id, rejections.subject) in (
        select (source_id, path)
        from documents
        where article_id in (select article_id from own)
    )
    or rejections.subject_id in (
        select capture_id
        from captures
        where article_id in (select article_id from own)
        union all
        select image_id
        from article_images
        where article_id in (select article_id from own)
    )
order by runs.run_number, rejections.stage, rejections.subject
