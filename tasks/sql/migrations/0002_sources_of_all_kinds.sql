-- Sources may be git repositories and archives, and a run may miss one of them.

comment on table sources is 'A folder, git repository or archive that articles are read from.';
comment on column sources.kind is '''folder'', ''git'' or ''archive''';
comment on column sources.location is 'Resolved path or URL, without password; #branch and :folder if one is chosen';
comment on column sources.revision is 'Commit read to its end; NULL for what is no git, and while it is being read';
comment on column files.fingerprint is 'Folder: size, times and inode, or NULL if too fresh to be trusted; git: blob and commit; archive: sum and size';
comment on column documents.revision is 'Commit that made the file what it is; empty for what is no git';
comment on column runs.status is '''running'', ''complete'', ''incomplete'' (a source could not be read), ''broken'' or ''killed''';
