-- Cached images whose true size is not the declared one.
create or replace view image_mismatch as
select
    url,
    declared_width,
    declared_height,
    width,
    height,
    round(width / nullif(declared_width, 0), 2) as width_ratio,
    round(height / nullif(declared_height, 0), 2) as height_ratio,
    abs(ln((width * declared_height) / nullif(height * declared_width, 0))) > 0.02
        as is_other_shape,
    image_id
from images
where status = 'cached'
    and (
        (declared_width > 0 and declared_width <> width)
        or (declared_height > 0 and declared_height <> height)
    );

comment on view image_mismatch is
'Cached images whose true size is not the declared one, and whether the shape is another, too.';
comment on column image_mismatch.url is 'Address';
comment on column image_mismatch.declared_width is 'Width that front matter claims, pixels';
comment on column image_mismatch.declared_height is 'Height that front matter claims, pixels';
comment on column image_mismatch.width is 'True width after rotation, pixels';
comment on column image_mismatch.height is 'True height after rotation, pixels';
comment on column image_mismatch.width_ratio is 'True width by the declared one';
comment on column image_mismatch.height_ratio is 'True height by the declared one';
comment on column image_mismatch.is_other_shape is 'Whether width by height differs by more than 2 %';
comment on column image_mismatch.image_id is 'Image (images.image_id)';
