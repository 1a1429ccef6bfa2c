-- What an address showed before stays known, and so does how an image looks.

alter table images add column failures integer default 0;
comment on column images.failures is 'Checks in a row that ended without an image';
alter table images add column is_animated boolean;
comment on column images.is_animated is 'Whether it has more than one frame';
alter table images add column dominant_color varchar;
comment on column images.dominant_color is 'Mean of its largest group of similar colors, #rrggbb';
comment on column images.url is 'Address; a relative one is resolved against the article or the provider''s domain';
comment on column images.mime_type is 'True type, from the bytes; image/svg+xml is checked, but never rendered';
comment on column images.width is 'True width after rotation, pixels; NULL for an SVG of any size';
comment on column images.height is 'True height after rotation, pixels; NULL for an SVG of any size';
comment on column images.perceptual_hash is '64-bit DCT hash; bit_count(xor(a, b)) is the distance of two images; NULL for an SVG';
comment on column images.path is 'Cached file within the data directory; NULL if there is none, or it was lost';
comment on column images.thumbnail_path is 'WebP thumbnail within the data directory; NULL for an SVG';
comment on table images is 'An image address of front matter or of a page, what was declared of it and what it proved to be.';

create table image_versions (
    image_id uuid not null,
    first_seen_at timestamptz not null,
    sha256 varchar not null,
    mime_type varchar not null,
    width integer,
    height integer,
    size_bytes bigint not null,
    perceptual_hash ubigint,
    path varchar,
    thumbnail_path varchar,
    primary key (image_id, first_seen_at)
);
comment on table image_versions is 'Each content that an image address had, in the order of time; the files of earlier ones are kept.';
comment on column image_versions.image_id is 'Image (images.image_id)';
comment on column image_versions.first_seen_at is 'When the address was first seen to have it';
comment on column image_versions.sha256 is 'SHA-256 of the file, hexadecimal';
comment on column image_versions.mime_type is 'True type, from the bytes';
comment on column image_versions.width is 'True width after rotation, pixels';
comment on column image_versions.height is 'True height after rotation, pixels';
comment on column image_versions.size_bytes is 'Size of the file, bytes';
comment on column image_versions.perceptual_hash is '64-bit DCT hash';
comment on column image_versions.path is 'Cached file within the data directory; NULL if it was lost';
comment on column image_versions.thumbnail_path is 'WebP thumbnail within the data directory';

insert into image_versions (
    image_id, first_seen_at, sha256, mime_type, width, height, size_bytes,
    perceptual_hash, path, thumbnail_path
)
select
    image_id, checked_at, sha256, mime_type, width, height, size_bytes,
    perceptual_hash, path, thumbnail_path
from images
where sha256 is not null;
