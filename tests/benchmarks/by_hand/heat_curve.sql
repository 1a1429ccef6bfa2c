with these as (
    select d.document_id, d.path
    from articles a join documents d on d.article_id = a.article_id
    where $address in (a.url, a.url_key, a.original_url, a.amp_url, a.cdn_amp_url)
)
select
    observed_at, heat, heat - lag(heat) over (
        partition by document_id order by observed_at), title, path
from observations join these using (document_id)
order by observed_at, path
