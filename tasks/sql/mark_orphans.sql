-- An article that its file no longer speaks of, and no other does, is an orphan.
update articles
set is_orphaned = true
where rowid in (
    select known_articles.place
    from known_articles
    where known_articles.is_changed
        and not known_articles.is_orphaned
        and known_articles.article_id not in (select article_id from winners)
)
