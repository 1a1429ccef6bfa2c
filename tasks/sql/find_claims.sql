-- What each file of the batch says of which article, and from which article on: entry 0
-- is its own article, the others are those that it relates to.
create or replace temp table claims as
with said as (
    select
        document_id, source_id, path, mentions[1] as own,
        unnest(mentions) as mention,
        unnest(range(len(mentions))) as entry
    from batch_claims
)
select
    said.* exclude (own),
    batch_mentions.article_id,
    batch_mentions.published_at as claimed_at,
    own_mentions.article_id as source_article_id
from said
join batch_mentions on batch_mentions.mention = said.mention
join batch_mentions as own_mentions on own_mentions.mention = said.own
