-- Pairs of images that look alike: up to 6 of the 64 bits of their hashes differ. Equal
-- files (distance 0, is_same_file) are pairs, too. Of 7 parts of 9 bits one must be the
-- same where at most 6 bits differ, so only images that share one are compared; hashes
-- of fewer than 4 bits set, or unset, belong to plain areas and say nothing.
create or replace view image_duplicates as
with hashed as (
    select sha256, any_value(perceptual_hash) as hash
    from images
    where status = 'cached'
        and bit_count(perceptual_hash) between 4 and 60
    group by sha256
),
parts as (
    select
        sha256,
        hash,
        part,
        (hash >> (part * 9)::ubigint) & if(part = 6, 1023, 511)::ubigint as bits
    from hashed, unnest(range(7)) as parts(part)
),
alike as (
    select distinct
        one.sha256 as sha256,
        other.sha256 as other_sha256,
        bit_count(xor(one.hash, other.hash)) as distance
    from parts as one
    join parts as other
        on other.part = one.part
        and other.bits = one.bits
        and other.sha256 > one.sha256
    where bit_count(xor(one.hash, other.hash)) <= 6
    union all
    select sha256, sha256, 0
    from images
    where status = 'cached'
    group by sha256
    having count(*) > 1
)
select
    images.url,
    others.url as other_url,
    alike.distance::integer as distance,
    alike.sha256 = alike.other_sha256 as is_same_file,
    images.image_id,
    others.image_id as other_image_id
from alike
join images on images.sha256 = alike.sha256 and images.status = 'cached'
join images as others
    on others.sha256 = alike.other_sha256
    and others.status = 'cached'
where alike.sha256 <> alike.other_sha256
    or images.url < others.url;

comment on view image_duplicates is
'Pairs of images that look alike: the distance of their perceptual hashes is at most 6 of 64 bits.';
comment on column image_duplicates.url is 'Address of one image';
comment on column image_duplicates.other_url is 'Address of the other';
comment on column image_duplicates.distance is 'Bits in which their perceptual hashes differ, 0 to 6';
comment on column image_duplicates.is_same_file is 'Whether both addresses hold the very same file';
comment on column image_duplicates.image_id is 'One image (images.image_id)';
comment on column image_duplicates.other_image_id is 'The other (images.image_id)';
