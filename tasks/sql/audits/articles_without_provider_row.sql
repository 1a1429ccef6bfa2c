-- A provider that an article names is in providers.
select count(*), coalesce(min(url), '')
from articles
where provider_id is not null
    and provider_id not in (select provider_id from providers)
