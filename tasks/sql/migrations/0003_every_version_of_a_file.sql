-- Every version of a file, so that what a reader could see never hangs on the order in
-- which versions come to light.

create table versions (
    document_id uuid not null,
    observed_at timestamptz not null,
    generation integer not null,
    revision varchar not null,
    title varchar,
    heat integer,
    quality integer,
    is_published boolean,
    primary key (document_id, observed_at)
);
comment on table versions is 'Every version of a file in a git history, and those of a folder that showed something new; observations are made of them.';
comment on column versions.document_id is 'File (documents.document_id)';
comment on column versions.observed_at is 'When: the commit''s time, or the run''s for a folder';
comment on column versions.generation is 'Commits on the longest way to this one from a first; of two in the same second the greater counts. 0 for a folder';
comment on column versions.revision is 'Commit; empty for a folder';
comment on column versions.title is 'Title at that time';
comment on column versions.heat is 'Heat at that time';
comment on column versions.quality is 'Quality at that time';
comment on column versions.is_published is 'Whether the hub showed it at that time';

insert into versions (
    document_id, observed_at, generation, revision, title, heat, quality, is_published
)
select document_id, observed_at, 0, revision, title, heat, quality, is_published
from observations;

alter table sources add column observed_revision varchar;
comment on column sources.observed_revision is 'Commit up to which versions are kept, from the first run on; NULL for a folder';
alter table sources add column backfilled_revision varchar;
comment on column sources.backfilled_revision is 'Commit whose whole history is in versions; NULL without a back-fill';
comment on column documents.removed_at is 'When it was found gone, or deleted in a history that was read later; NULL while it exists';
