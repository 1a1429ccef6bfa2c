-- Where the edges are of articles whose files list others now. Of the table with the most
-- rows this reads one column; the others are read only from the first place to the last.
create or replace temp table edge_places as
select rowid as place
from related_edges
where source_article_id in (
    select article_id from winners where is_known and has_other_edges
)
