-- An article keeps its id and the moment it was first seen, whoever's word counts.
merge into articles
using winners
on articles.article_id = winners.article_id
when matched then update set
    url = winners.url,
    original_url = winners.original_url,
    amp_url = winners.amp_url,
    cdn_amp_url = winners.cdn_amp_url,
    title = winners.title,
    excerpt = winners.excerpt,
    category = winners.category,
    type = winners.type,
    provider_id = winners.provider_id,
    published_at = winners.published_at,
    updated_at = winners.updated_at,
    quality = winners.quality,
    heat = winners.heat,
    is_published = winners.is_published,
    is_removed = winners.is_removed,
    featured_content = winners.featured_content,
    locale = winners.locale,
    secured_ciphertext = winners.secured_ciphertext,
    secured_iv = winners.secured_iv,
    extra = winners.extra,
    is_stub = winners.entry > 0,
    is_orphaned = false,
    document_id = winners.document_id,
    last_seen_at = $moment
when not matched then insert (
    article_id, url_key, url, original_url, amp_url, cdn_amp_url, title, excerpt,
    category, type, provider_id, published_at, updated_at, quality, heat,
    is_published, is_removed, featured_content, locale, secured_ciphertext,
    secured_iv, extra, is_stub, is_orphaned, document_id, first_seen_at, last_seen_at
)
values (
    winners.article_id, winners.url_key, winners.url, winners.original_url,
    winners.amp_url, winners.cdn_amp_url, winners.title, winners.excerpt,
    winners.category, winners.type, winners.provider_id, winners.published_at,
    winners.updated_at, winners.quality, winners.heat, winners.is_published,
    winners.is_removed, winners.featured_content, winners.locale,
    winners.secured_ciphertext, winners.secured_iv, winners.extra, winners.entry > 0, false, winners.document_id, $moment, $moment
)
