-- The file says of a run what its copy says; the next run corrects it if there is none.

update runs set status = summary ->> 'status' where status = 'publishing';

comment on column runs.status is '''running'', ''complete'', ''incomplete'' (a source could not be read), ''broken'', ''unpublished'' (its work was done, no copy was made) or ''killed''';
