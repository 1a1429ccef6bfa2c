-- The row whose text was mended is there.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(subject_table || ' ' || subject_id, 3), ', '), '')
        as detail
from repairs
where case subject_table
        when 'articles' then subject_id not in (select article_id from articles)
        when 'documents' then subject_id not in (select document_id from documents)
        when 'providers' then subject_id not in (select provider_id from providers)
        when 'topics' then subject_id not in (select topic_id from topics)
        when 'images' then subject_id not in (select image_id from images)
        when 'pages' then subject_id not in (select article_id from pages)
        when 'links' then (subject_id, position) not in (
            select (article_id, position) from links
        )
        else true
    end
