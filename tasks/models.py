"""What travels between the rooms: frozen values, without behaviour."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from tasks.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

Via = Literal["origin", "amp", "cdn_amp", "archive"]
Outcome = Literal[
    "ok",
    "not_modified",
    "http_error",
    "blocked_address",
    "robots_disallowed",
    "timeout",
    "too_large",
    "truncated",
    "bad_encoding",
    "not_html",
    "tls_error",
    "dns_error",
    "connection_error",
    "too_many_redirects",
    "bad_url",
    "bad_response",
]
SourceKind = Literal["folder", "git", "archive"]
FileKind = Literal["article", "taxonomy"]
Fate = Literal["loaded", "rejected"]
ImageStatus = Literal["cached", "failed", "rejected", "due"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Source:
    """A place that articles are read from; *location* is a resolved path or URL."""

    source_id: UUID
    kind: SourceKind
    name: str
    location: str

    @property
    def short(self) -> str:
        """The name as far as a title has room for it."""
        return short_name(self.name)


def short_name(name: str) -> str:
    """Return the name of a source that has one, and of a path or address its end."""
    return name.rstrip("/").rpartition("/")[2] or name


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the warehouse knows of a file from the run that read it."""

    path: str
    kind: FileKind
    fate: Fate
    sha256: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a source, seen but not yet read.

    *path* is printable and identifies it, *file_name* is what to open. *fingerprint* is
    equal only while the bytes are; None where that cannot be known. *before* is what an
    earlier run knew of it. Of a git source, *revision* is the commit that made it what
    it is, *observed_at* when that was.
    """

    path: str
    file_name: str
    kind: FileKind
    size_bytes: int
    fingerprint: str | None
    before: KnownFile | None = None
    revision: str = ""
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownSource:
    """What the warehouse knows of a source that it read before.

    *revision* is the commit that was read to its end, None if the last run was not.
    """

    kind: SourceKind
    location: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds now: its files, and what cannot be read of it.

    What lies at or below the *unseen* paths could not be looked at. *revision* is the
    head of a git source, *notes* are lines worth telling.
    """

    files: list[FoundFile]
    rejections: list[Rejection]
    unseen: tuple[str, ...] = ()
    revision: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be done about one source: *changed* files are to be read.

    Of the others, *unchanged* and *rejected* count the article files that stay loaded
    and stay rejected. *files* counts all article files found, *gone* are those that an
    earlier run knew. *revision* is what the source will have been read up to, *refused*
    are paths at which something else than a file was found.
    """

    source: Source
    changed: tuple[FoundFile, ...]
    gone: tuple[KnownFile, ...]
    files: int
    unchanged: int
    rejected: int
    revision: str | None = None
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source, as its bytes were found.

    *path* is relative to the source, with slashes; *revision* is the commit of a git
    source that made the file what it is, *observed_at* its time; a folder has neither.
    """

    source_id: UUID
    path: str
    revision: str
    content: bytes
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """An input that could not be taken: it costs one row, never the run.

    *stage* is where (`read`, `parse`, `taxonomy`, `page`, `image`, `capture`),
    *subject* the path or URL, *reason* one line in words, *detail* what was found,
    *line* counts from 1.
    """

    stage: str
    subject: str
    reason: str
    detail: str = ""
    line: int | None = None
    source_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """One change that was made to a text: which value, by which rule."""

    subject_table: str
    subject_id: UUID
    column_name: str
    rule: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image as front matter declares it; sizes in pixels, not yet verified."""

    image_id: UUID
    url: str
    declared_width: int | None
    declared_height: int | None
    declared_is_cached: bool | None
    title: str | None
    attribution: str | None


@dataclass(frozen=True, slots=True)
class Provider:
    """Who published an article: a name on a domain (`youtube.com` has many names)."""

    provider_id: UUID
    name: str
    domain: str | None
    registrable_domain: str | None
    images: tuple[ImageReference, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject of the hub; *parent_topic_id* is set by the taxonomy alone."""

    topic_id: UUID
    name: str
    slug: str
    parent_topic_id: UUID | None = None
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """What front matter says of one article: its own, or an entry of `related`.

    *url* is the address to fetch, *url_key* its identity; *extra* holds the fields
    without a column of their own, as one JSON object.
    """

    article_id: UUID
    url: str
    url_key: str
    original_url: str | None
    amp_url: str | None
    cdn_amp_url: str | None
    title: str | None
    excerpt: str | None
    category: str | None
    type: str | None
    provider: Provider | None
    published_at: datetime | None
    updated_at: datetime | None
    quality: int | None
    heat: int | None
    is_published: bool | None
    is_removed: bool
    featured_content: str | None
    locale: str | None
    secured_ciphertext: bytes | None
    secured_iv: bytes | None
    extra: str
    topics: tuple[Topic, ...]
    images: tuple[ImageReference, ...]
    repairs: tuple[Repair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Article(Mention):
    """An article's own file: what it says of itself and whom it relates to.

    *front_matter* is all of it as JSON, as read; *sha256* is hexadecimal, of the file;
    *rejections* are entries of `related` and `images` that could not be taken;
    *is_line_oriented* tells that its front matter was read without PyYAML;
    *observed_at* is the time of the commit, None for a file of no repository.
    """

    source_id: UUID
    document_id: UUID
    path: str
    revision: str
    sha256: str
    size_bytes: int
    front_matter: str
    body: str
    related: tuple[Mention, ...]
    rejections: tuple[Rejection, ...]
    is_line_oriented: bool = field(default=True, compare=False)
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visible:
    """What a reader of the hub could see of an article; a new one is an observation."""

    title: str | None
    heat: int | None
    quality: int | None
    is_published: bool | None


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """What one file of a hub's `_data` says of providers or topics."""

    source_id: UUID
    path: str
    sha256: str
    providers: tuple[Provider, ...]
    topics: tuple[Topic, ...]
    repairs: tuple[Repair, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page that is due: *addresses* in the order to try, each with its route.

    *etag* and *last_modified* are of the copy that *validated_url* gave; *failures* are
    as a `DuePage` counts them.
    """

    article_id: UUID
    addresses: tuple[tuple[Via, str], ...]
    attempt: int
    etag: str | None = None
    last_modified: str | None = None
    validated_url: str | None = None
    published_at: datetime | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Response:
    """How one address answered: always a value, whatever the network did.

    *headers* are as received, and empty where there was no answer; *body* is decoded,
    and there for `ok` and `http_error` alone. *exchanges* holds each hop's request and
    response, the last one being the answer.
    """

    url: str
    final_url: str
    outcome: Outcome
    reason: str
    elapsed_ms: int
    status_code: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the response to it, as a WARC keeps them."""

    url: str
    address: str
    requested_at: datetime
    request_headers: tuple[tuple[bytes, bytes], ...]
    status_code: int
    reason_phrase: str
    headers: tuple[tuple[bytes, bytes], ...]
    raw_body: bytes


@dataclass(frozen=True, slots=True)
class WarcPlace:
    """Where a response record lies: *offset* and *length* in bytes of *file*."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One try to get one page, as a row of `captures`."""

    capture_id: UUID
    article_id: UUID
    url: str
    via: Via
    attempt: int
    requested_at: datetime
    final_url: str
    status_code: int | None
    outcome: Outcome
    reason: str
    elapsed_ms: int
    content_type: str | None
    etag: str | None
    last_modified: str | None
    body_sha256: str | None
    body_bytes: int | None
    place: WarcPlace | None
    next_fetch_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """An address that a page links to, with the words of the link."""

    url: str
    anchor: str


@dataclass(frozen=True, slots=True)
class PageRepair:
    """One change to a text of a page or, where the column is `anchor`, of its links.

    *position* is that of the paragraph, the author or the link, from 0.
    """

    column_name: str
    position: int | None
    rule: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a captured page says; names are the columns of `pages`.

    *origins* tells of each value where it was said, by the name of its column.
    """

    title: str | None
    authors: tuple[str, ...]
    published_at: datetime | None
    modified_at: datetime | None
    language: str | None
    site_name: str | None
    canonical_url: str | None
    lead_image_url: str | None
    text: str
    word_count: int
    encoding: str
    encoding_source: str
    flags: tuple[str, ...]
    origins: Mapping[str, str]
    links: tuple[Link, ...]
    repairs: tuple[PageRepair, ...]


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """An image that is due, with the validators of its last copy."""

    image_id: UUID
    url: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that decodes: sizes in pixels after EXIF orientation.

    *perceptual_hash* is a 64-bit DCT hash, *dominant_color* `#rrggbb`, *thumbnail*
    WebP. An SVG is not rendered, so it has none of the three, and perhaps no size.
    """

    mime_type: str
    extension: str
    width: int | None
    height: int | None
    size_bytes: int
    sha256: str
    perceptual_hash: int | None
    thumbnail: bytes
    is_animated: bool = False
    dominant_color: str | None = None


@dataclass(frozen=True, slots=True)
class KeptCapture:
    """A response in a WARC file as a row names it."""

    capture_id: UUID
    url: str
    place: WarcPlace


@dataclass(frozen=True, slots=True)
class KeptImage:
    """A file of the image cache as a row names it; paths within the data directory."""

    path: str
    thumbnail_path: str | None
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CacheFault:
    """Something wrong in the image cache: *path* is missing, changed or foreign.

    *image* is whose file it is, None for a foreign one.
    """

    fault: str
    path: str
    image: KeptImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResult:
    """How one due image ended, as the changing columns of `images`.

    *failures* counts the checks in a row that ended without an image.
    """

    image_id: UUID
    url: str
    status: ImageStatus
    reason: str
    checked_at: datetime
    next_check_at: datetime
    failures: int = 0
    image: CheckedImage | None = None
    path: str | None = None
    thumbnail_path: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A file as the warehouse keeps it, enough to read its article again."""

    source_id: UUID
    path: str
    revision: str
    sha256: str
    size_bytes: int
    front_matter: str
    body: str


@dataclass(frozen=True, slots=True)
class DuePage:
    """An article whose page is due, with what earlier tries left behind.

    *attempts* counts all tries, *failures* the runs in a row in which its own address
    had no page; *validated_url* is the address that gave *etag* and *last_modified*.
    """

    article_id: UUID
    url: str
    amp_url: str | None
    cdn_amp_url: str | None
    published_at: datetime | None
    attempts: int
    failures: int
    etag: str | None
    last_modified: str | None
    validated_url: str | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """A host that is not asked any more in this run, and how its last try ended.

    *until* is what it asked for itself, and binds later runs, too.
    """

    host: str
    reason: str
    outcome: Outcome
    status_code: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueExtraction:
    """A capture that no page was read from yet; *publisher* is the provider's name."""

    capture_id: UUID
    article_id: UUID
    url: str
    content_type: str | None
    warc_file: str
    warc_offset: int
    warc_length: int
    publisher: str | None


@dataclass(frozen=True, slots=True)
class DueImage:
    """An image that is due; *path* is that of the copy that the validators speak of."""

    image_id: UUID
    url: str
    etag: str | None
    last_modified: str | None
    path: str | None
    failures: int


@dataclass(frozen=True, slots=True)
class StoredCapture:
    """A capture with its place in a WARC and the SHA-256 of its decoded body."""

    url: str
    warc_file: str
    warc_offset: int
    warc_length: int
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Audit:
    """One rule that the whole warehouse was held against; 0 failed rows is good."""

    name: str
    severity: Severity
    failed_rows: int
    detail: str
