-- The key of the article at an address: its own, or one that it is known by as well.
select url_key
from articles
where url_key = $key
    or $address in (url, original_url, amp_url, cdn_amp_url)
    or article_id in (
        select article_id
        from captures
        where $address in (url, final_url)
        union all
        select article_id
        from pages
        where canonical_url = $address
    )
order by url_key = $key desc, is_stub, url_key
limit 1
