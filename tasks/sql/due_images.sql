-- Images that are due: never asked for, or past their next check.
select
    image_id,
    url,
    etag,
    last_modified,
    path,
    coalesce(failures, 0) as failures
from images
where (
        status = 'due'
        or next_check_at <= $moment
        or ($retry_failed and status = 'failed')
    )
    and (
        $include_related
        or image_id in (select image_id from provider_images)
        or image_id in (
            select article_images.image_id
            from article_images
            join articles on articles.article_id = article_images.article_id
            where not articles.is_stub
        )
        or url in (select lead_image_url from pages)
    )
order by url
