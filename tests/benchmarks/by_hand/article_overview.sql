select
    a.article_id, a.title, a.url, p.name, p.registrable_domain, a.published_at,
    a.category, a.type, t.topics, a.quality, a.heat, a.is_published, a.is_removed,
    a.is_stub, a.is_orphaned, g.article_id is not null, g.language, g.word_count,
    coalesce(i.images, 0), coalesce(i.cached, 0), coalesce(e.related, 0), s.name, d.path
from articles a
join documents d using (document_id)
join sources s using (source_id)
left join providers p using (provider_id)
left join pages g on g.article_id = a.article_id
left join (
    select article_id, list(name order by position) as topics
    from article_topics join topics using (topic_id)
    group by article_id
) t on t.article_id = a.article_id
left join (
    select article_id, count(*) as images, count_if(status = 'cached') as cached
    from article_images join images using (image_id)
    group by article_id
) i on i.article_id = a.article_id
left join (
    select source_article_id, count(*) as related
    from related_edges
    where removed_at is null and kind = 'related'
    group by source_article_id
) e on e.source_article_id = a.article_id
