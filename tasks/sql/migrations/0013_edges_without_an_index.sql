-- Edges are the most rows by far, and their index was more than half of the file, held in
-- memory while edges are loaded. One edge a pair and kind is what `put_…_edges` promise
-- and the audit `edges_twice` proves.
create table edges_without_index (
    source_article_id uuid not null,
    target_article_id uuid not null,
    kind varchar not null,
    position integer not null,
    first_seen_at timestamptz not null,
    removed_at timestamptz
);
insert into edges_without_index
from related_edges;
drop table related_edges;
alter table edges_without_index rename to related_edges;
comment on table related_edges is 'Which article leads to which: by its related list, by a link, or as a duplicate. One row a pair and kind.';
comment on column related_edges.source_article_id is 'Article that leads (articles.article_id)';
comment on column related_edges.target_article_id is 'Article led to (articles.article_id)';
comment on column related_edges.kind is '''related'', ''link'' or ''duplicate''';
comment on column related_edges.position is 'First place in the list, from 0';
comment on column related_edges.first_seen_at is 'When the edge was first seen';
comment on column related_edges.removed_at is 'When it was found gone; NULL while it stands';

alter table documents add column edges_digest ubigint;
comment on column documents.edges_digest is 'Digest of the related articles that the file lists; while it stays, their edges do';
