-- Whose word counts for an article: its own file before a mention, a file that exists
-- before one that is gone, then the newest publication, then the later path. What the
-- files of this batch said before is void, and so is what no file says any more; only
-- the word of an article's own file outlives the file.
create or replace temp table winners as
with best as (
    select *
    from claims
    qualify row_number() over (
        partition by article_id
        order by
            entry = 0 desc,
            claimed_at desc nulls last,
            path desc,
            source_id desc,
            entry
    ) = 1
)
select
    best.*,
    batch_mentions.* exclude (mention, article_id),
    case
        when best.entry = 0 then coalesce(not edges_said.is_same, true)
        else not coalesce(known.is_stub, true)
    end as has_other_edges,
    known.article_id is not null as is_known
from best
join batch_mentions on batch_mentions.mention = best.mention
left join known_articles as known on known.article_id = best.article_id
left join edges_said on edges_said.document_id = best.document_id
where known.article_id is null
    or known.document_id in (select document_id from batch_documents)
    or (known.is_orphaned and (known.is_stub or known.is_standing))
    or (
        best.entry = 0,
        true,
        coalesce(best.claimed_at, '-infinity'::timestamptz),
        best.path,
        best.source_id
    ) > (
        not known.is_stub,
        known.is_standing,
        coalesce(known.published_at, '-infinity'::timestamptz),
        known.path,
        known.source_id
    )
