-- Loading a file twice leaves one row; it changed only if its bytes did.
merge into documents
using (
    select batch_documents.*, edges_said.digest as edges_digest
    from batch_documents
    join edges_said on edges_said.document_id = batch_documents.document_id
) as batch
on documents.document_id = batch.document_id
when matched then update set
    revision = batch.revision,
    size_bytes = batch.size_bytes,
    article_id = batch.article_id,
    front_matter = batch.front_matter,
    body = batch.body,
    edges_digest = batch.edges_digest,
    changed_at = if(
        documents.sha256 = batch.sha256, documents.changed_at, $moment::timestamptz
    ),
    sha256 = batch.sha256,
    removed_at = null
when not matched then insert (
    document_id, source_id, path, revision, sha256, size_bytes, article_id,
    front_matter, body, edges_digest, first_seen_at, changed_at
)
values (
    batch.document_id, batch.source_id, batch.path, batch.revision, batch.sha256,
    batch.size_bytes, batch.article_id, batch.front_matter, batch.body,
    batch.edges_digest, $moment, $moment
)
