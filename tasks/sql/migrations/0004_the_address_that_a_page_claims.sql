-- Articles whose pages claim one address are one.
alter table pages add column canonical_key varchar;
comment on column pages.canonical_key is
'Key of the canonical address, shared by articles that are one; NULL where the claim cannot be true';
