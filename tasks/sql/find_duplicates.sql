-- Articles that are one by the address that their pages claim, each with the first of
-- them: that of the address itself, or else one with a file. An address that more than
-- five claim is a template's mistake.
create or replace temp table duplicates as
with claims as (
    select pages.article_id, pages.canonical_key
    from pages
    where pages.canonical_key is not null
    qualify count(*) over (partition by pages.canonical_key) <= 5
),
members as (
    from claims
    union
    select articles.article_id, articles.url_key
    from articles
    where articles.url_key in (select canonical_key from claims)
),
ranked as (
    select
        members.article_id,
        first(members.article_id) over (
            partition by members.canonical_key
            order by
                articles.url_key <> members.canonical_key,
                articles.is_stub,
                articles.url_key
        ) as first_article_id
    from members
    join articles on articles.article_id = members.article_id
)
select distinct article_id, first_article_id
from ranked
where article_id <> first_article_id
