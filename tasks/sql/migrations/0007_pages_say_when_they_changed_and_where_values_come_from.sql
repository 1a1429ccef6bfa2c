-- Of each value of a page, where on the page it was said; and when the page changed.
alter table pages add column modified_at timestamptz;
alter table pages add column origins json;
comment on column pages.modified_at is 'When it was changed, as the page says';
comment on column pages.origins is
'Where each value was said, by column: "og:title", "json-ld author", "byline" (shown near the headline)'
