-- An image that was unchanged when it was last asked for, and of which no file is known,
-- is due: nobody knows what it was before.
update images
set
    status = 'due',
    etag = null,
    last_modified = null
where status = 'cached' and path is null
