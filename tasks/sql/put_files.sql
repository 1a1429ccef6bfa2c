-- What is known of a file is what was seen last.
merge into files
using batch_files as batch
on files.source_id = batch.source_id and files.path = batch.path
when matched then update set
    kind = batch.kind,
    fate = batch.fate,
    sha256 = batch.sha256,
    size_bytes = batch.size_bytes,
    fingerprint = batch.fingerprint
when not matched then insert (
    source_id, path, kind, fate, sha256, size_bytes, fingerprint
)
values (
    batch.source_id, batch.path, batch.kind, batch.fate, batch.sha256,
    batch.size_bytes, batch.fingerprint
)
