-- The tables of the warehouse. Every row can be traced to a file, a capture or a run.

create table sources (
    source_id uuid not null,
    kind varchar not null,
    name varchar not null,
    location varchar not null,
    revision varchar,
    last_read_at timestamptz,
    primary key (source_id)
);
comment on table sources is 'A folder or git repository that articles are read from.';
comment on column sources.source_id is 'Deterministic id: from the source''s name, else its location';
comment on column sources.kind is '''folder'' or ''git''';
comment on column sources.name is 'What identifies the source; its location unless the settings name it';
comment on column sources.location is 'Resolved path or URL';
comment on column sources.revision is 'Commit read last; NULL for a folder';
comment on column sources.last_read_at is 'When a run last read it to its end';

create table files (
    source_id uuid not null,
    path varchar not null,
    kind varchar not null,
    fate varchar not null,
    sha256 varchar,
    size_bytes bigint,
    fingerprint varchar,
    primary key (source_id, path)
);
comment on table files is 'What is known of each file of a source, so that the next run reads only what changed.';
comment on column files.source_id is 'Source (sources.source_id)';
comment on column files.path is 'Path within the source, with slashes';
comment on column files.kind is '''article'' or ''taxonomy''';
comment on column files.fate is '''loaded'' or ''rejected''';
comment on column files.sha256 is 'SHA-256 of the file''s bytes, hexadecimal';
comment on column files.size_bytes is 'Size in bytes';
comment on column files.fingerprint is 'Size, times and inode when read; NULL: too fresh to be trusted, so the bytes are compared';

create table documents (
    document_id uuid not null,
    source_id uuid not null,
    path varchar not null,
    revision varchar not null,
    sha256 varchar not null,
    size_bytes bigint not null,
    article_id uuid not null,
    front_matter json not null,
    body varchar not null,
    first_seen_at timestamptz not null,
    changed_at timestamptz not null,
    removed_at timestamptz,
    primary key (document_id)
);
comment on table documents is 'An article''s own file: one row a file, with all its front matter.';
comment on column documents.document_id is 'Deterministic id: from source and path';
comment on column documents.source_id is 'Source (sources.source_id)';
comment on column documents.path is 'Path within the source, with slashes';
comment on column documents.revision is 'Commit it was read from; empty for a folder';
comment on column documents.sha256 is 'SHA-256 of the file''s bytes, hexadecimal';
comment on column documents.size_bytes is 'Size in bytes';
comment on column documents.article_id is 'Article that the file describes (articles.article_id)';
comment on column documents.front_matter is 'All fields as read, dates in ISO 8601';
comment on column documents.body is 'Text below the front matter';
comment on column documents.first_seen_at is 'When it was first loaded';
comment on column documents.changed_at is 'When its bytes last changed';
comment on column documents.removed_at is 'When it was found gone; NULL while it exists';

create table articles (
    article_id uuid not null,
    url varchar not null,
    url_key varchar not null,
    original_url varchar,
    amp_url varchar,
    cdn_amp_url varchar,
    title varchar,
    excerpt varchar,
    category varchar,
    type varchar,
    provider_id uuid,
    published_at timestamptz,
    updated_at timestamptz,
    quality integer,
    heat integer,
    is_published boolean,
    is_removed boolean not null,
    featured_content varchar,
    locale varchar,
    secured_ciphertext blob,
    secured_iv blob,
    extra json not null,
    is_stub boolean not null,
    is_orphaned boolean not null,
    document_id uuid not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    primary key (article_id)
);
comment on table articles is 'A news article: one row an address, from its own file or, as a stub, from a mention.';
comment on column articles.article_id is 'Deterministic id: from url_key';
comment on column articles.url is 'Address to fetch, as in front matter (webUrl, else originalUrl)';
comment on column articles.url_key is 'What makes two addresses the same article';
comment on column articles.original_url is 'Address given as originalUrl';
comment on column articles.amp_url is 'Address of the AMP twin';
comment on column articles.cdn_amp_url is 'Address of the AMP twin in a cache';
comment on column articles.title is 'Title, repaired';
comment on column articles.excerpt is 'Excerpt, repaired';
comment on column articles.category is 'Category of the hub, such as news';
comment on column articles.type is 'Kind of content: article, video, …';
comment on column articles.provider_id is 'Who published it (providers.provider_id)';
comment on column articles.published_at is 'When it was published';
comment on column articles.updated_at is 'When it was updated, by its own word';
comment on column articles.quality is 'The hub''s measure of quality';
comment on column articles.heat is 'The hub''s measure of attention; -1 where it has none';
comment on column articles.is_published is 'Whether the hub shows it';
comment on column articles.is_removed is 'Whether the hub marked it as removed';
comment on column articles.featured_content is 'HTML that the hub shows in its place, such as a player';
comment on column articles.locale is 'Language and region, as declared';
comment on column articles.secured_ciphertext is 'Encrypted part of the front matter, byte for byte';
comment on column articles.secured_iv is 'Initialisation vector of the encrypted part';
comment on column articles.extra is 'Fields that have no column of their own';
comment on column articles.is_stub is 'Known only from others'' related lists: no file of its own';
comment on column articles.is_orphaned is 'No file says so any more: the one it was made from is gone or changed its mind';
comment on column articles.document_id is 'File that the row was made from (documents.document_id)';
comment on column articles.first_seen_at is 'When the article was first loaded';
comment on column articles.last_seen_at is 'When the row was last made from its file';

create table observations (
    document_id uuid not null,
    observed_at timestamptz not null,
    title varchar,
    heat integer,
    quality integer,
    is_published boolean,
    revision varchar not null,
    primary key (document_id, observed_at)
);
comment on table observations is 'What a reader of the hub could see of an article, each time it changed.';
comment on column observations.document_id is 'File observed (documents.document_id)';
comment on column observations.observed_at is 'When: the commit''s time, or the run''s for a folder';
comment on column observations.title is 'Title at that time';
comment on column observations.heat is 'Heat at that time';
comment on column observations.quality is 'Quality at that time';
comment on column observations.is_published is 'Whether the hub showed it at that time';
comment on column observations.revision is 'Commit; empty for a folder';

create table providers (
    provider_id uuid not null,
    name varchar not null,
    domain varchar,
    registrable_domain varchar,
    primary key (provider_id)
);
comment on table providers is 'Who publishes: a name on a domain, since one domain may carry many.';
comment on column providers.provider_id is 'Deterministic id: from domain and name';
comment on column providers.name is 'Name, repaired';
comment on column providers.domain is 'Domain as given, lower case';
comment on column providers.registrable_domain is 'Part of the domain that somebody registered, by the public suffix list';

create table provider_images (
    provider_id uuid not null,
    image_id uuid not null,
    position integer not null,
    primary key (provider_id, image_id)
);
comment on table provider_images is 'Logos of providers.';
comment on column provider_images.provider_id is 'Provider (providers.provider_id)';
comment on column provider_images.image_id is 'Image (images.image_id)';
comment on column provider_images.position is 'Place in the list, from 0';

create table topics (
    topic_id uuid not null,
    name varchar not null,
    slug varchar not null,
    parent_topic_id uuid,
    keywords varchar[],
    is_in_taxonomy boolean not null,
    primary key (topic_id)
);
comment on table topics is 'Subjects, from articles and from the hub''s taxonomy.';
comment on column topics.topic_id is 'Deterministic id: from the slug';
comment on column topics.name is 'Name; the taxonomy''s where it has one';
comment on column topics.slug is 'Letters and digits of the name, joined by hyphens';
comment on column topics.parent_topic_id is 'Wider topic (topics.topic_id), from the taxonomy';
comment on column topics.keywords is 'Words that the taxonomy assigns to it';
comment on column topics.is_in_taxonomy is 'Whether a file of _data/topics describes it';

create table article_topics (
    article_id uuid not null,
    topic_id uuid not null,
    position integer not null,
    primary key (article_id, topic_id)
);
comment on table article_topics is 'Which article has which topic.';
comment on column article_topics.article_id is 'Article (articles.article_id)';
comment on column article_topics.topic_id is 'Topic (topics.topic_id)';
comment on column article_topics.position is 'Place in the article''s list, from 0';

create table images (
    image_id uuid not null,
    url varchar not null,
    declared_width integer,
    declared_height integer,
    declared_is_cached boolean,
    title varchar,
    attribution varchar,
    status varchar not null,
    reason varchar,
    sha256 varchar,
    mime_type varchar,
    width integer,
    height integer,
    size_bytes bigint,
    perceptual_hash ubigint,
    path varchar,
    thumbnail_path varchar,
    etag varchar,
    last_modified varchar,
    checked_at timestamptz,
    next_check_at timestamptz,
    primary key (image_id)
);
comment on table images is 'An image address, what was declared of it and what it proved to be.';
comment on column images.image_id is 'Deterministic id: from the address';
comment on column images.url is 'Address';
comment on column images.declared_width is 'Width that front matter claims, pixels';
comment on column images.declared_height is 'Height that front matter claims, pixels';
comment on column images.declared_is_cached is 'The hub''s own isCached';
comment on column images.title is 'Title, repaired';
comment on column images.attribution is 'Attribution, repaired';
comment on column images.status is '''due'', ''cached'', ''failed'' (not to be had) or ''rejected'' (not an acceptable image)';
comment on column images.reason is 'Why it failed or was rejected';
comment on column images.sha256 is 'SHA-256 of the cached file, hexadecimal';
comment on column images.mime_type is 'True type, from the bytes';
comment on column images.width is 'True width after rotation, pixels';
comment on column images.height is 'True height after rotation, pixels';
comment on column images.size_bytes is 'Size of the cached file, bytes';
comment on column images.perceptual_hash is '64-bit DCT hash; bit_count(xor(a, b)) is the distance of two images';
comment on column images.path is 'Cached file within the data directory';
comment on column images.thumbnail_path is 'WebP thumbnail within the data directory';
comment on column images.etag is 'ETag of the last answer';
comment on column images.last_modified is 'Last-Modified of the last answer';
comment on column images.checked_at is 'When it was last asked for';
comment on column images.next_check_at is 'When it is due again';

create table article_images (
    article_id uuid not null,
    image_id uuid not null,
    position integer not null,
    primary key (article_id, image_id)
);
comment on table article_images is 'Which article shows which image.';
comment on column article_images.article_id is 'Article (articles.article_id)';
comment on column article_images.image_id is 'Image (images.image_id)';
comment on column article_images.position is 'Place in the article''s list, from 0';

create table related_edges (
    source_article_id uuid not null,
    target_article_id uuid not null,
    kind varchar not null,
    position integer not null,
    first_seen_at timestamptz not null,
    removed_at timestamptz,
    primary key (source_article_id, target_article_id, kind)
);
comment on table related_edges is 'Which article leads to which: by its related list, by a link, or as a duplicate.';
comment on column related_edges.source_article_id is 'Article that leads (articles.article_id)';
comment on column related_edges.target_article_id is 'Article led to (articles.article_id)';
comment on column related_edges.kind is '''related'', ''link'' or ''duplicate''';
comment on column related_edges.position is 'First place in the list, from 0';
comment on column related_edges.first_seen_at is 'When the edge was first seen';
comment on column related_edges.removed_at is 'When it was found gone; NULL while it stands';

create table captures (
    capture_id uuid not null,
    article_id uuid not null,
    url varchar not null,
    via varchar not null,
    attempt integer not null,
    requested_at timestamptz not null,
    final_url varchar not null,
    status_code integer,
    outcome varchar not null,
    reason varchar not null,
    elapsed_ms integer not null,
    content_type varchar,
    etag varchar,
    last_modified varchar,
    body_sha256 varchar,
    body_bytes bigint,
    warc_file varchar,
    warc_offset bigint,
    warc_length bigint,
    next_fetch_at timestamptz not null,
    primary key (capture_id)
);
comment on table captures is 'Each try to get a page, with its outcome and, if it answered, its place in a WARC.';
comment on column captures.capture_id is 'Deterministic id: from article, route and attempt';
comment on column captures.article_id is 'Article (articles.article_id)';
comment on column captures.url is 'Address asked';
comment on column captures.via is 'Route: ''origin'', ''amp'', ''cdn_amp'' or ''archive''';
comment on column captures.attempt is 'Number of the try for this article, from 1';
comment on column captures.requested_at is 'When it was asked';
comment on column captures.final_url is 'Address that answered, after redirects';
comment on column captures.status_code is 'HTTP status of the answer';
comment on column captures.outcome is '''ok'', or what happened instead, in one word';
comment on column captures.reason is 'What happened, in words';
comment on column captures.elapsed_ms is 'Time to the end of the answer, milliseconds';
comment on column captures.content_type is 'Content-Type of the answer';
comment on column captures.etag is 'ETag of the answer';
comment on column captures.last_modified is 'Last-Modified of the answer';
comment on column captures.body_sha256 is 'SHA-256 of the decoded body, hexadecimal';
comment on column captures.body_bytes is 'Size of the decoded body, bytes';
comment on column captures.warc_file is 'WARC file within captures/ of the data directory';
comment on column captures.warc_offset is 'Where its response record starts, bytes';
comment on column captures.warc_length is 'Length of the compressed record, bytes';
comment on column captures.next_fetch_at is 'When the article is due again, seen from this try';

create table pages (
    article_id uuid not null,
    capture_id uuid not null,
    title varchar,
    authors varchar[] not null,
    published_at timestamptz,
    language varchar,
    site_name varchar,
    canonical_url varchar,
    lead_image_url varchar,
    text varchar not null,
    word_count integer not null,
    encoding varchar not null,
    encoding_source varchar not null,
    flags varchar[] not null,
    primary key (article_id)
);
comment on table pages is 'What the latest captured page of an article says.';
comment on column pages.article_id is 'Article (articles.article_id)';
comment on column pages.capture_id is 'Capture that it was read from (captures.capture_id)';
comment on column pages.title is 'Title';
comment on column pages.authors is 'Authors, in their order';
comment on column pages.published_at is 'When the page says it was published';
comment on column pages.language is 'Language, as declared';
comment on column pages.site_name is 'Name of the site';
comment on column pages.canonical_url is 'Address that the page claims as its own';
comment on column pages.lead_image_url is 'Address of its main image';
comment on column pages.text is 'Text of the article';
comment on column pages.word_count is 'Words of the text';
comment on column pages.encoding is 'Encoding of the bytes, WHATWG name';
comment on column pages.encoding_source is 'What told the encoding: bom, header, meta, utf-8, detected or fallback';
comment on column pages.flags is 'What the reader should know, such as ''short'' or ''truncated''';

create table links (
    article_id uuid not null,
    position integer not null,
    url varchar not null,
    url_key varchar not null,
    target_article_id uuid,
    anchor varchar not null,
    primary key (article_id, position)
);
comment on table links is 'Addresses that a page links to.';
comment on column links.article_id is 'Article whose page links (articles.article_id)';
comment on column links.position is 'Place on the page, from 0';
comment on column links.url is 'Address linked to';
comment on column links.url_key is 'What makes two addresses the same article';
comment on column links.target_article_id is 'Article linked to, if it is known (articles.article_id)';
comment on column links.anchor is 'Words of the link';

create table repairs (
    subject_table varchar not null,
    subject_id uuid not null,
    column_name varchar not null,
    rule varchar not null,
    before varchar not null,
    after varchar not null
);
comment on table repairs is 'Each change that was made to a text.';
comment on column repairs.subject_table is 'Table of the repaired row';
comment on column repairs.subject_id is 'Its id';
comment on column repairs.column_name is 'Its column';
comment on column repairs.rule is 'What was mended, such as mojibake';
comment on column repairs.before is 'Text as it came';
comment on column repairs.after is 'Text as it is kept';

create table rejections (
    run_id uuid not null,
    stage varchar not null,
    source_id uuid,
    subject varchar not null,
    subject_id uuid,
    line integer,
    reason varchar not null,
    detail varchar not null,
    resolved_at timestamptz
);
comment on table rejections is 'Inputs that could not be taken, each with the reason.';
comment on column rejections.run_id is 'Run that rejected it (runs.run_id)';
comment on column rejections.stage is '''read'', ''parse'', ''taxonomy'', ''page'' or ''image''';
comment on column rejections.source_id is 'Source (sources.source_id), for files';
comment on column rejections.subject is 'Path or address';
comment on column rejections.subject_id is 'Id of the document, capture or image concerned';
comment on column rejections.line is 'Line of the file, from 1';
comment on column rejections.reason is 'Why, in words';
comment on column rejections.detail is 'What was found';
comment on column rejections.resolved_at is 'When the input was taken after all, or gone; NULL while it stands';

create table runs (
    run_id uuid not null,
    run_number bigint not null,
    flow_run_id uuid,
    started_at timestamptz not null,
    finished_at timestamptz,
    status varchar not null,
    version varchar not null,
    summary json,
    primary key (run_id)
);
comment on table runs is 'Each run, with what it did.';
comment on column runs.run_id is 'Id of the run';
comment on column runs.run_number is 'Counts the runs of this data directory, from 1';
comment on column runs.flow_run_id is 'Prefect''s id of the flow run; NULL for a direct run';
comment on column runs.started_at is 'When it started';
comment on column runs.finished_at is 'When it ended';
comment on column runs.status is '''running'', ''complete'', ''broken'' or ''killed''';
comment on column runs.version is 'Version of Wirehouse';
comment on column runs.summary is 'Counts of the run';

create table audits (
    run_id uuid not null,
    name varchar not null,
    failed_rows bigint not null,
    detail varchar not null,
    primary key (run_id, name)
);
comment on table audits is 'What each run checked of the whole warehouse.';
comment on column audits.run_id is 'Run (runs.run_id)';
comment on column audits.name is 'What was checked';
comment on column audits.failed_rows is 'Rows that break the rule; 0 is good';
comment on column audits.detail is 'First such row, or empty';
