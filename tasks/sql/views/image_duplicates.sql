-- Images that look alike: up to 6 of the 64 bits of their hashes differ. Every image that
-- has a twin is in a pair, but not with each of its twins, which would be a million
-- pairs for a logo at 1,414 addresses: first all addresses of one file are paired with
-- the first of them (distance 0, is_same_file); then all files of one hash, by their
-- first addresses, with the first of these (distance 0); then hashes that differ, by the
-- first address of each. Of 8 parts of 8 bits two must be the same where at most 6 bits
-- differ, so the key is any two parts, and only hashes that share one are compared.
-- Hashes of fewer than 4 bits set, or unset, belong to plain areas and say nothing.
create or replace view image_duplicates as
with files as (
    select
        sha256,
        any_value(perceptual_hash) as hash,
        min(url) as url,
        arg_min(image_id, url) as image_id
    from images
    where status = 'cached'
    group by sha256
),
looks as (
    select
        hash,
        min(url) as url,
        arg_min(image_id, url) as image_id
    from files
    where bit_count(hash) between 4 and 60
    group by hash
),
parts as (
    select
        one.part as one,
        other.part as other
    from unnest(range(8)) as one(part)
    join unnest(range(8)) as other(part) on other.part > one.part
),
keys as (
    select
        looks.hash,
        looks.url,
        looks.image_id,
        parts.one::ubigint << 24
            | parts.other::ubigint << 16
            | ((looks.hash >> (8 * parts.one)::ubigint) & 255::ubigint) << 8
            | ((looks.hash >> (8 * parts.other)::ubigint) & 255::ubigint) as bits
    from looks, parts
),
alike as (
    select distinct
        one.url as url,
        other.url as other_url,
        bit_count(xor(one.hash, other.hash)) as distance,
        one.image_id as image_id,
        other.image_id as other_image_id
    from keys as one
    join keys as other
        on other.bits = one.bits
        and other.hash > one.hash
    where bit_count(xor(one.hash, other.hash)) <= 6
)
select
    files.url,
    images.url as other_url,
    0 as distance,
    true as is_same_file,
    files.image_id,
    images.image_id as other_image_id
from files
join images
    on images.sha256 = files.sha256
    and images.status = 'cached'
    and images.image_id <> files.image_id
union all
select
    looks.url,
    files.url as other_url,
    0 as distance,
    false as is_same_file,
    looks.image_id,
    files.image_id as other_image_id
from looks
join files
    on files.hash = looks.hash
    and files.image_id <> looks.image_id
union all
select
    url,
    other_url,
    distance::integer as distance,
    false as is_same_file,
    image_id,
    other_image_id
from alike;

comment on view image_duplicates is
'Images that look alike: the distance of their perceptual hashes is at most 6 of 64 bits. Addresses of one file are paired with the first of them, files of one hash with the first of these, different hashes by their first addresses.';
comment on column image_duplicates.url is 'Address of one image';
comment on column image_duplicates.other_url is 'Address of the other';
comment on column image_duplicates.distance is 'Bits in which their perceptual hashes differ, 0 to 6';
comment on column image_duplicates.is_same_file is 'Whether both addresses hold the very same file';
comment on column image_duplicates.image_id is 'One image (images.image_id)';
comment on column image_duplicates.other_image_id is 'The other (images.image_id)';
