-- Columns of few words say which there are, and what each means.

comment on column pages.flags is 'What to know before the text is used: short (fewer than 50 words), partial (less than half of what the page shows in sentences), unclosed (paragraphs lie in a comment or script that is not closed), truncated (the page was too large to be read to its end), deep (more than 250 levels of elements), scrubbed (characters that HTML forbids were taken out), undecodable (bytes that mean nothing became U+FFFD), label_overridden (the encoding that it names is wrong), unknown_label (it does not exist), repaired (a value was mended, see repairs), paywall, consent, soft_404 (it is the beginning of an article, asks for consent, or says that there is no such page)';
comment on column captures.outcome is 'What happened, in one word: ok, not_modified, http_error, blocked_address, robots_disallowed, timeout, too_large, truncated, bad_encoding, not_html, tls_error, dns_error, connection_error, too_many_redirects, bad_url or bad_response';
comment on column repairs.subject_table is 'Table of the repaired row: articles, documents, providers, topics, images, pages or links';
comment on column repairs.subject_id is 'Its id; of pages and links that of the article';
comment on column repairs.rule is 'What was mended: mojibake (UTF-8 read as something else), entities (HTML in what is none), control_characters, zero_width (characters that nobody sees), combining_marks (more than 30 on a letter) or nfc (accents apart from their letters)';
comment on column files.kind is '''article'', or ''taxonomy'': a file of _data that describes topics or providers';
comment on column files.fate is '''loaded'', or ''rejected'': rejections tell why';
