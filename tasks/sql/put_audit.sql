-- What a run checked, with the rows that broke the rule.
insert or replace into audits (run_id, name, failed_rows, detail)
values ($run_id, $name, $failed_rows, $detail)
