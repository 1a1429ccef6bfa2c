-- A page has many paragraphs, authors and links: which of them was changed.
alter table repairs add column position integer;
comment on column repairs.position is
'Which of several values, from 0: paragraph of a text, author, link (links.position)'
