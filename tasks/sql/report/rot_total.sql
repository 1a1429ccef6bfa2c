-- How pages fare, over all providers.
select
    coalesce(sum(tried), 0)::bigint as tried,
    coalesce(sum(at_origin), 0)::bigint as at_origin,
    coalesce(sum(saved_by_amp + saved_by_cdn_amp), 0)::bigint as saved_by_amp,
    coalesce(sum(saved_by_archive), 0)::bigint as saved_by_archive,
    coalesce(sum(lost), 0)::bigint as lost
from gathered_rot
