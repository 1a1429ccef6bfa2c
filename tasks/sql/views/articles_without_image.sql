-- Articles that are there, of which no image is in the cache: neither one of their files
-- nor that of their page; with what became of those that they name.
create or replace view articles_without_image as
with shown as (
    select article_id, image_id
    from article_images
    union
    select pages.article_id, images.image_id
    from pages
    join images on images.url = pages.lead_image_url
),
found as (
    select
        shown.article_id,
        count(*) as images,
        max(coalesce(images.reason, images.status)) as example_reason,
        bool_or(images.status = 'cached') as is_cached
    from shown
    join images on images.image_id = shown.image_id
    group by shown.article_id
)
select
    articles.title,
    articles.url,
    coalesce(found.images, 0) as images,
    found.example_reason,
    articles.article_id
from articles
left join found on found.article_id = articles.article_id
where not articles.is_stub
    and not articles.is_removed
    and not articles.is_orphaned
    and found.is_cached is distinct from true;

comment on view articles_without_image is
'Articles that are there, of which no image is in the cache, with what became of those that they name.';
comment on column articles_without_image.title is 'Title';
comment on column articles_without_image.url is 'Address';
comment on column articles_without_image.images is 'Images that it names';
comment on column articles_without_image.example_reason is 'Why one of them is not in the cache; NULL if it names none';
comment on column articles_without_image.article_id is 'Article (articles.article_id)';
