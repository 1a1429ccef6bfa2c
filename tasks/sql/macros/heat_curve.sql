-- How the heat of the article at an address went, as its files told it.
create or replace macro heat_curve(address) as table
select
    observations.observed_at,
    observations.heat,
    observations.heat - lag(observations.heat) over (
        partition by documents.document_id order by observations.observed_at
    ) as heat_rise,
    observations.title,
    documents.path
from articles
join documents on documents.article_id = articles.article_id
join observations on observations.document_id = documents.document_id
where address in (
    articles.url, articles.url_key, articles.original_url,
    articles.amp_url, articles.cdn_amp_url
)
order by observations.observed_at, documents.path;

comment on macro table heat_curve is
'How the heat of the article at an address went, as its files told it; the address is articles.url, url_key, original_url, amp_url or cdn_amp_url, letter for letter.';
