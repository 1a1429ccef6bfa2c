-- Articles that hold the words, the best first: by how rare a word is (BM25's idf), how
-- often it is there, and whether title or excerpt has it. A word counts within others,
-- so that languages without spaces are searched, too. Reads all texts, needs no index.
create or replace macro search(words) as table
with terms as (
    select distinct
        unnest(
            regexp_extract_all(lower(strip_accents(words)), '[\p{L}\p{N}]+')
        ) as term
),
texts as (
    select
        articles.article_id,
        lower(
            strip_accents(concat_ws(' ', articles.title, articles.excerpt))
        ) as head,
        lower(strip_accents(coalesce(pages.text, ''))) as body
    from articles
    left join pages on pages.article_id = articles.article_id
),
hits as (
    select
        texts.article_id,
        terms.term,
        3 * (len(string_split(texts.head, terms.term)) - 1)
        + len(string_split(texts.body, terms.term)) - 1 as occurrences
    from texts
    cross join terms
    where contains(texts.head, terms.term) or contains(texts.body, terms.term)
),
weights as (
    select term, ln(1 + ((select count(*) from texts) - count(*) + 0.5)
        / (count(*) + 0.5)) as weight
    from hits
    group by term
),
scored as (
    select
        hits.article_id,
        sum(weights.weight * hits.occurrences * 2.2 / (hits.occurrences + 1.2)) as score
    from hits
    join weights on weights.term = hits.term
    group by hits.article_id
)
select
    round(scored.score, 3) as score,
    articles.title,
    providers.name as provider,
    articles.published_at,
    articles.url,
    articles.article_id
from scored
join articles on articles.article_id = scored.article_id
left join providers on providers.provider_id = articles.provider_id
order by scored.score desc, articles.published_at desc, articles.url;

comment on macro table search is
'Articles that hold the words, the best first; search(''sea ice'') reads title, excerpt and page.';
