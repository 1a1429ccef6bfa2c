-- A file that is gone is read again should it come back.
delete from files
where source_id = $source_id
    and path in (select unnest($paths))
