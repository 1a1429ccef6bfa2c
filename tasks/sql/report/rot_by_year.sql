-- How pages fare, by the year of their articles; undated ones come last.
select
    published_in as year,
    sum(tried)::bigint as tried,
    sum(at_origin)::bigint as at_origin,
    sum(saved_by_amp + saved_by_cdn_amp)::bigint as saved_by_amp,
    sum(saved_by_archive)::bigint as saved_by_archive,
    sum(lost)::bigint as lost
from gathered_rot
group by published_in
order by published_in desc nulls last
limit 20
