-- A provider is its domain and name; seeing it again changes nothing.
insert into providers (provider_id, name, domain, registrable_domain)
select provider_id, name, domain, registrable_domain
from batch_providers
on conflict do nothing
