-- A run is complete once it is published.

comment on column runs.status is '''running'', ''publishing'' (its work is done, the copy is being made), ''complete'', ''incomplete'' (a source could not be read), ''broken'', ''unpublished'' (its work was done, no copy was made) or ''killed''';
