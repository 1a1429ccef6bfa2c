with pairs as (
    select distinct
        least(source_article_id, target_article_id) as one,
        greatest(source_article_id, target_article_id) as other
    from related_edges
    where removed_at is null and kind in ('related', 'duplicate')
),
counted as (
    select
        least(s.provider_id, t.provider_id) as p, greatest(s.provider_id, t.provider_id)
        as q, count(*) as pairs
    from pairs
    join articles s on s.article_id = one
    join articles t on t.article_id = other
    where s.provider_id <> t.provider_id
    group by p, q
)
select one.name, other.name, pairs, p, q
from counted
join providers one on one.provider_id = p
join providers other on other.provider_id = q
