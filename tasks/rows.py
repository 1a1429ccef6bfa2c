"""Values become the rows of tables that the warehouse loads. Pure.

Few rows are JSON: pyarrow takes 50 ms to be imported, as much as all else that a small
run does to load them. Many rows are Arrow, which takes a third of the time a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Union
from uuid import UUID

from tasks.models import (
    Article,
    CacheFault,
    Capture,
    ImageReference,
    ImageResult,
    KnownFile,
    Mention,
    Page,
    Provider,
    Rejection,
    Repair,
    Rest,
    Taxonomy,
    Topic,
    Visible,
)
from tasks.urls import identify
from tasks.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

FEW_ROWS = 2_000  # a hundredth of a hub's files with what they relate to

_ID = "uuid"
_TEXT = "varchar"
_LIST = "varchar[]"
_NUMBER = "bigint"
_NUMBERS = "bigint[]"
_BLOB = "blob"
_FLAG = "boolean"
_MOMENT = "timestamptz"
_HASH = "ubigint"

# What is loaded from, by name: the columns in order, each with its type in SQL.
SCHEMAS: dict[str, dict[str, str]] = {
    "batch_files": {
        "source_id": _ID,
        "path": _TEXT,
        "kind": _TEXT,
        "fate": _TEXT,
        "sha256": _TEXT,
        "size_bytes": _NUMBER,
        "fingerprint": _TEXT,
        "is_read": _FLAG,
    },
    "batch_documents": {
        "document_id": _ID,
        "source_id": _ID,
        "path": _TEXT,
        "revision": _TEXT,
        "sha256": _TEXT,
        "size_bytes": _NUMBER,
        "article_id": _ID,
        "front_matter": _TEXT,
        "body": _TEXT,
    },
    "batch_versions": {
        "document_id": _ID,
        "observed_at": _MOMENT,
        "generation": _NUMBER,
        "revision": _TEXT,
        "title": _TEXT,
        "heat": _NUMBER,
        "quality": _NUMBER,
        "is_published": _FLAG,
    },
    "batch_claims": {
        "document_id": _ID,
        "source_id": _ID,
        "path": _TEXT,
        "mentions": _NUMBERS,
    },
    "batch_mentions": {
        "mention": _NUMBER,
        "article_id": _ID,
        "provider_id": _ID,
        "url": _TEXT,
        "url_key": _TEXT,
        "original_url": _TEXT,
        "amp_url": _TEXT,
        "cdn_amp_url": _TEXT,
        "title": _TEXT,
        "excerpt": _TEXT,
        "category": _TEXT,
        "type": _TEXT,
        "published_at": _MOMENT,
        "updated_at": _MOMENT,
        "quality": _NUMBER,
        "heat": _NUMBER,
        "is_published": _FLAG,
        "is_removed": _FLAG,
        "featured_content": _TEXT,
        "locale": _TEXT,
        "secured_ciphertext": _BLOB,
        "secured_iv": _BLOB,
        "extra": _TEXT,
    },
    "batch_providers": {
        "provider_id": _ID,
        "name": _TEXT,
        "domain": _TEXT,
        "registrable_domain": _TEXT,
    },
    "batch_provider_images": {
        "provider_id": _ID,
        "image_id": _ID,
        "position": _NUMBER,
    },
    "batch_topics": {
        "topic_id": _ID,
        "name": _TEXT,
        "slug": _TEXT,
        "parent_topic_id": _ID,
        "keywords": _LIST,
        "is_in_taxonomy": _FLAG,
    },
    "batch_article_topics": {
        "mention": _NUMBER,
        "article_id": _ID,
        "topic_id": _ID,
        "position": _NUMBER,
    },
    "batch_images": {
        "image_id": _ID,
        "url": _TEXT,
        "declared_width": _NUMBER,
        "declared_height": _NUMBER,
        "declared_is_cached": _FLAG,
        "title": _TEXT,
        "attribution": _TEXT,
    },
    "batch_article_images": {
        "mention": _NUMBER,
        "article_id": _ID,
        "image_id": _ID,
        "position": _NUMBER,
    },
    "batch_repairs": {
        "mention": _NUMBER,
        "subject_table": _TEXT,
        "subject_id": _ID,
        "column_name": _TEXT,
        "rule": _TEXT,
        "before": _TEXT,
        "after": _TEXT,
    },
    "batch_rejections": {
        "stage": _TEXT,
        "source_id": _ID,
        "subject": _TEXT,
        "subject_id": _ID,
        "line": _NUMBER,
        "reason": _TEXT,
        "detail": _TEXT,
    },
    "batch_captures": {
        "capture_id": _ID,
        "article_id": _ID,
        "url": _TEXT,
        "via": _TEXT,
        "attempt": _NUMBER,
        "requested_at": _MOMENT,
        "final_url": _TEXT,
        "status_code": _NUMBER,
        "outcome": _TEXT,
        "reason": _TEXT,
        "elapsed_ms": _NUMBER,
        "content_type": _TEXT,
        "etag": _TEXT,
        "last_modified": _TEXT,
        "body_sha256": _TEXT,
        "body_bytes": _NUMBER,
        "next_fetch_at": _MOMENT,
        "warc_file": _TEXT,
        "warc_offset": _NUMBER,
        "warc_length": _NUMBER,
    },
    "batch_pages": {
        "article_id": _ID,
        "capture_id": _ID,
        "title": _TEXT,
        "authors": _LIST,
        "published_at": _MOMENT,
        "language": _TEXT,
        "site_name": _TEXT,
        "canonical_url": _TEXT,
        "lead_image_url": _TEXT,
        "text": _TEXT,
        "word_count": _NUMBER,
        "encoding": _TEXT,
        "encoding_source": _TEXT,
        "flags": _LIST,
        "modified_at": _MOMENT,
        "origins": _TEXT,
        "canonical_key": _TEXT,
    },
    "batch_page_repairs": {
        "subject_table": _TEXT,
        "subject_id": _ID,
        "column_name": _TEXT,
        "position": _NUMBER,
        "rule": _TEXT,
        "before": _TEXT,
        "after": _TEXT,
    },
    "batch_links": {
        "article_id": _ID,
        "position": _NUMBER,
        "url": _TEXT,
        "url_key": _TEXT,
        "target_article_id": _ID,
        "anchor": _TEXT,
    },
    "batch_image_results": {
        "image_id": _ID,
        "status": _TEXT,
        "reason": _TEXT,
        "checked_at": _MOMENT,
        "next_check_at": _MOMENT,
        "failures": _NUMBER,
        "path": _TEXT,
        "thumbnail_path": _TEXT,
        "etag": _TEXT,
        "last_modified": _TEXT,
        "sha256": _TEXT,
        "mime_type": _TEXT,
        "width": _NUMBER,
        "height": _NUMBER,
        "size_bytes": _NUMBER,
        "perceptual_hash": _HASH,
        "is_animated": _FLAG,
        "dominant_color": _TEXT,
    },
    "batch_lost_images": {"path": _TEXT, "reason": _TEXT},
    "batch_resting_hosts": {
        "host": _TEXT,
        "until": _MOMENT,
        "reason": _TEXT,
        "outcome": _TEXT,
        "status_code": _NUMBER,
    },
    "batch_lost_captures": {"capture_id": _ID},
    "batch_ids": {"document_id": _ID, "removed_at": _MOMENT},
}


@dataclass(frozen=True, slots=True)
class JsonTable:
    """Few rows: *content* is one JSON object, with the list of values of each column.

    Ids and bytes are hexadecimal, moments in ISO 8601.
    """

    content: str
    num_rows: int

    @property
    def nbytes(self) -> int:
        """About how large it is."""
        return len(self.content)


Table = Union["pa.Table", JsonTable]
Tables = dict[str, Table]


def table(
    name: str, rows: Sequence[Sequence[Any]], *, is_few: bool | None = None
) -> Table:
    """Make the table *name* of *rows*, each in the order of its schema.

    *is_few* tells that it is to be JSON, which hangs on the number of rows otherwise.
    """
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMAS[name])
    if len(rows) <= FEW_ROWS if is_few is None else is_few:
        return _json_table(name, columns, len(rows))
    return _arrow_table(name, columns)


def _json_table(
    name: str, columns: Sequence[Sequence[Any]], num_rows: int
) -> JsonTable:
    values = {
        column: _spelled(found, kind)
        for (column, kind), found in zip(SCHEMAS[name].items(), columns, strict=True)
    }
    return JsonTable(_as_json(values), num_rows)


_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SPELLINGS: dict[str, Callable[[Any], str]] = {
    _ID: lambda value: value.hex,
    _BLOB: bytes.hex,
    _MOMENT: lambda value: value.isoformat(),
}


def _spelled(column: Sequence[Any], kind: str) -> Sequence[Any]:
    spell = _SPELLINGS.get(kind)
    if spell is None:
        return column
    return [None if value is None else spell(value) for value in column]


def _arrow_table(name: str, columns: Sequence[Sequence[Any]]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - most runs have few rows

    schema = SCHEMAS[name]
    types = _arrow_types()
    # Arrow's own pool keeps what a batch gave back for the next one, where DuckDB and
    # Python cannot use it meanwhile.
    pool = pa.system_memory_pool()
    arrays = [
        pa.array(
            _id_bytes(column) if kind is _ID else column, types[kind], memory_pool=pool
        )
        for column, kind in zip(columns, schema.values(), strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=list(schema))


@cache
def _arrow_types() -> dict[str, pa.DataType]:
    """Return how Arrow calls the types of SQL."""
    import pyarrow as pa  # noqa: PLC0415

    return {
        _ID: pa.uuid(),
        _TEXT: pa.string(),
        _LIST: pa.list_(pa.string()),
        _NUMBER: pa.int64(),
        _NUMBERS: pa.list_(pa.int64()),
        _BLOB: pa.binary(),
        _FLAG: pa.bool_(),
        _MOMENT: pa.timestamp("us", tz="UTC"),
        _HASH: pa.uint64(),
    }


def version_table(
    versions: Iterable[tuple[UUID, datetime | None, int, str, Visible | None]],
) -> Table:
    """Rows of versions: file, moment, generation, revision, what a reader could see.

    None for the moment of the run, and for what was not read yet.
    """
    rows = [
        (*point, *(getattr(seen, name, None) for name in _VISIBLE))
        for *point, seen in versions
    ]
    return table("batch_versions", rows)


def file_table(
    source_id: UUID,
    files: Iterable[tuple[KnownFile, int]],
    read_paths: AbstractSet[str],
) -> Table:
    """Rows of what is known of files, each with its size in bytes.

    *read_paths* are those that were read because their bytes are new, or that are gone.
    """
    rows = [
        (source_id, known.path, known.kind, known.fate, known.sha256, size,
         known.fingerprint, known.path in read_paths)
        for known, size in files
    ]  # fmt: skip
    return table("batch_files", rows)


def rejection_table(
    rejections: Iterable[Rejection], subject_ids: Iterable[UUID | None] = repeat(None)
) -> Table:
    """Rows of rejections; *subject_ids* are the ids of what they concern, if any."""
    rows = [
        (found.stage, found.source_id, found.subject, subject_id, found.line,
         found.reason, found.detail)
        for found, subject_id in zip(rejections, subject_ids, strict=False)
    ]  # fmt: skip
    return table("batch_rejections", rows)


def capture_table(captures: Iterable[Capture]) -> Table:
    """Rows of captures."""
    names = [n for n in SCHEMAS["batch_captures"] if not n.startswith("warc_")]
    rows = []
    for capture in captures:
        place = capture.place
        where = (place.file, place.offset, place.length) if place else (None,) * 3
        rows.append((*(getattr(capture, name) for name in names), *where))
    return table("batch_captures", rows)


_repair = attrgetter(*list(SCHEMAS["batch_page_repairs"])[2:])


def page_tables(
    pages: Iterable[tuple[UUID, UUID, Page, str | None, Sequence[str]]],
) -> Tables:
    """Rows of pages: article, capture, page, its canonical key and those of links."""
    page_rows, link_rows, repair_rows = [], [], []
    names = list(SCHEMAS["batch_pages"])[2:-2]
    for article_id, capture_id, page, canonical, keys in pages:
        values = (getattr(page, name) for name in names)
        origins = json.dumps(dict(page.origins))
        page_rows.append((article_id, capture_id, *values, origins, canonical))
        for position, link in enumerate(page.links):
            key = keys[position]
            link_rows.append((article_id, position, link.url, key, None, link.anchor))
        for repair in page.repairs:
            subject_table = "links" if repair.column_name == "anchor" else "pages"
            repair_rows.append((subject_table, article_id, *_repair(repair)))
    return {
        "batch_pages": table("batch_pages", page_rows),
        "batch_links": table("batch_links", link_rows),
        "batch_page_repairs": table("batch_page_repairs", repair_rows),
    }


def image_table(results: Iterable[ImageResult]) -> Table:
    """Rows of how due images ended."""
    own = list(SCHEMAS["batch_image_results"])[:10]
    facts = list(SCHEMAS["batch_image_results"])[10:]
    rows = [
        (
            *(getattr(result, name) for name in own),
            *(getattr(result.image, name, None) for name in facts),
        )
        for result in results
    ]
    return table("batch_image_results", rows)


def lost_image_table(lost: Iterable[CacheFault]) -> Table:
    """Rows of images whose cached file is missing or changed."""
    rows = [(each.path, f"the cached file was {each.fault}") for each in lost]
    return table("batch_lost_images", rows)


def rest_table(rests: Iterable[Rest], latest: datetime) -> Table:
    """Rows of hosts that asked for a rest, which lasts until *latest* at most."""
    by_host = {
        rest.host: (
            rest.host,
            min(rest.until or latest, latest),
            rest.reason,
            rest.outcome,
            rest.status_code,
        )
        for rest in rests
    }
    return table("batch_resting_hosts", list(by_host.values()))


def lost_capture_table(lost: Iterable[UUID]) -> Table:
    """Rows of captures that cannot be read back."""
    return table("batch_lost_captures", [(capture_id,) for capture_id in lost])


def lead_image_table(urls: Iterable[str]) -> Table:
    """Rows of images that pages show, of which nothing is declared."""
    rows = [(identify("image", url), url, *[None] * 5) for url in urls]
    return table("batch_images", rows)


class ArticleRows:
    """Gathers rows of articles, for as many tables as they are asked for.

    What files repeat is kept once, also by tables that were taken before. So that it
    can be known again by identity, which costs least, it stays as long as these rows.
    """

    def __init__(self) -> None:
        self._lists: dict[str, list[tuple[Any, ...]]] = {n: [] for n in _OF_ARTICLES}
        self._mentions: dict[int, tuple[int, Mention]] = {}
        self._seen: dict[int, Provider | Topic | ImageReference] = {}
        self._entries = 0

    def tables(self) -> Tables:
        """Return the tables of what was gathered since this was last asked."""
        is_few = self._entries <= FEW_ROWS
        taken = {n: table(n, rows, is_few=is_few) for n, rows in self._lists.items()}
        self._lists = {name: [] for name in _OF_ARTICLES}
        self._entries = 0
        return taken

    def article(self, article: Article) -> None:
        """Add a file that was read anew."""
        self._lists["batch_documents"].append(_document_values(article))
        if not article.revision:  # those of a git source are read in their order
            point = (article.document_id, None, 0, "")
            row = (*point, *_visible_values(article))
            self._lists["batch_versions"].append(row)
        self.claims(article)

    def taxonomy(self, entry: Taxonomy) -> None:
        """Add what a file says of providers or topics."""
        for provider in entry.providers:
            self._provider(provider)
        for topic in entry.topics:
            self._topic(topic, is_in_taxonomy=True)
        self._repairs(entry.repairs, None)

    def claims(self, article: Article) -> None:
        """Add what a file says: first of its own article, then of related ones."""
        known = self._mentions
        numbers = [
            (known.get(id(mention)) or self._mention(mention))[0]
            for mention in (article, *article.related)
        ]
        row = (article.document_id, article.source_id, article.path, numbers)
        self._lists["batch_claims"].append(row)
        self._entries += len(numbers)

    def _mention(self, mention: Mention) -> tuple[int, Mention]:
        """Add what is said of an article, once for all the files that say it."""
        number = len(self._mentions)
        known = self._mentions[id(mention)] = (number, mention)
        provider_id = mention.provider.provider_id if mention.provider else None
        row = (number, mention.article_id, provider_id, *_mention_values(mention))
        self._lists["batch_mentions"].append(row)
        if mention.provider:
            self._provider(mention.provider)
        place = (number, mention.article_id)
        for position, topic in enumerate(mention.topics):
            self._topic(topic, is_in_taxonomy=False)
            row = (*place, topic.topic_id, position)
            self._lists["batch_article_topics"].append(row)
        for image in mention.images:
            self._image(image)
        images = dict.fromkeys(image.image_id for image in mention.images)
        for position, image_id in enumerate(images):
            row = (*place, image_id, position)
            self._lists["batch_article_images"].append(row)
        self._repairs(mention.repairs, number)
        return known

    def _provider(self, provider: Provider) -> None:
        if self._is_new(provider):
            self._lists["batch_providers"].append(_provider_values(provider))
            for position, image in enumerate(provider.images):
                self._image(image)
                row = (provider.provider_id, image.image_id, position)
                self._lists["batch_provider_images"].append(row)

    def _topic(self, topic: Topic, *, is_in_taxonomy: bool) -> None:
        if self._is_new(topic) or is_in_taxonomy:
            keywords = list(topic.keywords) if is_in_taxonomy else None
            row = (*_topic_values(topic), keywords, is_in_taxonomy)
            self._lists["batch_topics"].append(row)

    def _repairs(self, repairs: Iterable[Repair], mention: int | None) -> None:
        for repair in repairs:
            self._lists["batch_repairs"].append((mention, *_repair_values(repair)))

    def _image(self, image: ImageReference) -> None:
        if self._is_new(image):
            self._lists["batch_images"].append(_image_values(image))

    def _is_new(self, value: Provider | Topic | ImageReference) -> bool:
        """Tell whether a value was not added yet; its equal may have been."""
        count = len(self._seen)
        self._seen[id(value)] = value
        return len(self._seen) > count


_OF_ARTICLES = (
    "batch_documents",
    "batch_versions",
    "batch_claims",
    "batch_mentions",
    "batch_article_topics",
    "batch_article_images",
    "batch_repairs",
    "batch_providers",
    "batch_provider_images",
    "batch_topics",
    "batch_images",
)
_document_values = attrgetter(*SCHEMAS["batch_documents"])
_visible_values = attrgetter(*list(SCHEMAS["batch_versions"])[4:])
_mention_values = attrgetter(*list(SCHEMAS["batch_mentions"])[3:])
_provider_values = attrgetter(*SCHEMAS["batch_providers"])
_topic_values = attrgetter(*list(SCHEMAS["batch_topics"])[:4])
_repair_values = attrgetter(*list(SCHEMAS["batch_repairs"])[1:])
_image_values = attrgetter(*SCHEMAS["batch_images"])
_VISIBLE = list(SCHEMAS["batch_versions"])[4:]


def _id_bytes(column: Iterable[UUID | None]) -> list[bytes | None]:
    return [None if value is None else value.bytes for value in column]
