-- A name on a domain is one provider.
select
    'error' as severity,
    count(*) as failed_rows,
    coalesce(array_to_string(min(name, 3), ', '), '') as detail
from (
    select domain, name
    from providers
    group by domain, name
    having count(*) > 1
)
