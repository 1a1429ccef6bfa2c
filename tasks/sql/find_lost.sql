-- Articles that need another witness: the file that their row was made from is of this
-- batch and says less than before, or is gone. Tells whether there are any.
create or replace temp table lost as
with said as (
    select
        article_id,
        max((
            entry = 0,
            coalesce(claimed_at, '-infinity'::timestamptz),
            path,
            source_id
        )) as rank
    from claims
    group by article_id
)
select known_articles.article_id
from known_articles
left join said on said.article_id = known_articles.article_id
where known_articles.is_changed
    and (
        said.article_id is null
        or said.rank < (
            not known_articles.is_stub,
            coalesce(known_articles.published_at, '-infinity'::timestamptz),
            known_articles.path,
            known_articles.source_id
        )
    )
