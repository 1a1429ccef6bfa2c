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
