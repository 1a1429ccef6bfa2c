-- Articles of which no image is in the cache: neither one of their files nor that of
-- their page; with what became of those that they name.
create or replace view articles_without_image as
with shown as (
    select article_id, image_id
    from article_images
    union
    select pages.article_id, images.image_id
    from pages
    join images on images.url = pages.lead_image_url
)
select
    any_value(articles.title) as title,
    any_value(articles.url) as url,
    count(images.image_id) as images,
    max(coalesce(images.reason, images.status)) as example_reason,
    articles.article_id
from articles
left join shown on shown.article_id = articles.article_id
left join images on images.image_id = shown.image_id
where not articles.is_stub
    and not articles.is_removed
group by articles.article_id
having coalesce(bool_and(images.status <> 'cached'), true);

comment on view articles_without_image is
'Articles of which no image is in the cache, with what became of those that they name.';
comment on column articles_without_image.title is 'Title';
comment on column articles_without_image.url is 'Address';
comment on column articles_without_image.images is 'Images that it names';
comment on column articles_without_image.example_reason is 'Why one of them is not in the cache; NULL if it names none';
comment on column articles_without_image.article_id is 'Article (articles.article_id)';
