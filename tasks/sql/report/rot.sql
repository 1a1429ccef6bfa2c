-- How pages fare, by provider, those that lost the most first.
select
    provider,
    sum(tried)::bigint as tried,
    sum(at_origin)::bigint as at_origin,
    sum(saved_by_amp + saved_by_cdn_amp)::bigint as saved_by_amp,
    sum(saved_by_archive)::bigint as saved_by_archive,
    sum(lost)::bigint as lost,
    count(*) over () as all_providers
from gathered_rot
group by provider
order by lost desc, tried desc, provider
limit 20
