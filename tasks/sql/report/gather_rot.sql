-- How pages fare, once for the three tables that tell of it.
create or replace temp table gathered_rot as
select
    provider, published_in, tried, at_origin, saved_by_amp, saved_by_cdn_amp,
    saved_by_archive, lost
from link_rot
