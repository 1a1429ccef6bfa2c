-- A file that is gone is read again should it come back.
delete from files
using batch_files as batch
where files.source_id = batch.source_id and files.path = batch.path
