-- What a run checked, each with the rows that broke the rule.
insert or replace into audits (run_id, name, severity, failed_rows, detail)
select
    $run_id,
    audit ->> 'name',
    audit ->> 'severity',
    (audit ->> 'failed_rows')::bigint,
    audit ->> 'detail'
from (select unnest($audits::json::json[]) as audit)
