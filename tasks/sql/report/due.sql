-- What the next run would ask the network for, articles of `related` alone left out.
select 'pages never asked for' as what, count(*) as count
from articles
join documents on documents.document_id = articles.document_id
where not articles.is_stub
    and not articles.is_removed
    and documents.removed_at is null
    and articles.article_id not in (select article_id from captures)
union all
select 'pages due again', count(*)
from (
    select article_id
    from captures
    group by article_id
    having arg_max(next_fetch_at, attempt) <= now()
)
union all
select 'images due', count(*)
from images
where (status = 'due' or next_check_at <= now())
    and (
        image_id in (select image_id from provider_images)
        or image_id in (
            select article_images.image_id
            from article_images
            join articles on articles.article_id = article_images.article_id
            where not articles.is_stub
        )
        or url in (select lead_image_url from pages)
    )
