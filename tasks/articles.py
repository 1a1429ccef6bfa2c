"""An article's file becomes an `Article`, or a `Rejection` that says why. Pure.

The only place that knows the front matter's own names: `publishedDateTime` goes in,
`published_at` comes out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any, Literal, TypeVar, overload
from uuid import UUID

from tasks.frontmatter import FrontMatterError, UnusualError, read_front_matter
from tasks.lineyaml import Block, to_json
from tasks.models import (
    Article,
    FileKind,
    ImageReference,
    Mention,
    Provider,
    Rejection,
    Repair,
    SourceFile,
    StoredDocument,
    Taxonomy,
    Topic,
)
from tasks.text import Decoded, decode, repair
from tasks.urls import fetch_url, identify, join_url, registrable_domain, url_key

ARTICLE_FIELDS = frozenset(
    """
    category title excerpt publishedDateTime updatedDateTime originalUrl webUrl
    ampWebUrl cdnAmpWebUrl type quality heat published removed featuredContent
    provider topics images related secured locale
    """.split()
)
# Fields that a hub changes hour by hour, often with nothing else; see `history.py`.
HEAT, SECURED = "heat", "secured"
PROVIDER_FIELDS = frozenset({"name", "domain", "images"})
IMAGE_FIELDS = frozenset({"url", "width", "height", "isCached", "title", "attribution"})
UNEXPECTED = "could not be read, which is a fault of Wirehouse: please report it"
NEEDS_MEMORY = "needs more memory to read than there is"
# Larger files are left to a child process: what costs 0.1 s here costs 2 s at 5 MB.
MAX_USUAL_BYTES = 250_000  # of a file; real ones reach 143,000
# Addresses, names and moments that are remembered, and the characters of one.
REMEMBERED, MAX_REMEMBERED = 8_192, 2_000
_ABSOLUTE = ("https://", "http://")  # what no base changes
Parsed = Article | Taxonomy | Rejection

T = TypeVar("T")


class FieldError(ValueError):
    """A field whose value cannot be what its name says."""


def parse_article(source: SourceFile) -> Article | Rejection:
    """Read one article file; never raises.

    A file is rejected when its front matter cannot be read, a field has an impossible
    value, or nothing names the article's address. An entry of `related` or `images`
    that is unusable costs that entry alone: it is found in `Article.rejections`.
    """
    return _outcome(_article, source)


def read_again(document: StoredDocument) -> Article:
    """Read the article of a file that the warehouse keeps: what it was then made from.

    Raises `FieldError` for a document that `parse_article` would have rejected.
    """
    path, revision = document.path, document.revision
    source = SourceFile(document.source_id, path, revision, b"")
    return _described(document, json.loads(document.front_matter), source)


def parse_taxonomy(source: SourceFile) -> Taxonomy | Rejection:
    """Read one file of `_data/organizations` or `_data/topics`; never raises."""
    return _as_taxonomy(_outcome(_taxonomy, source))


@overload
def parse_usual(
    source: SourceFile, kind: Literal["article"]
) -> Article | Rejection | None: ...


@overload
def parse_usual(source: SourceFile, kind: FileKind) -> Parsed | None: ...


def parse_usual(source: SourceFile, kind: FileKind) -> Parsed | None:
    """Read a file of *kind* as the above do, or not at all: None, if it is unusual.

    What is unusual need not be wrong: it is read whole, in a process that may fail.
    """
    if len(source.content) > MAX_USUAL_BYTES:
        return None
    try:
        if kind == "taxonomy":
            return _as_taxonomy(_outcome(partial(_taxonomy, only_usual=True), source))
        return _outcome(partial(_article, only_usual=True), source)
    except UnusualError:
        return None


def topic(name: str) -> Topic:
    """Name a topic by its slug: letters and digits, joined by single hyphens."""
    found: Topic = _remembered(_topic, name)
    return found


@lru_cache(maxsize=REMEMBERED)
def _topic(name: str) -> Topic:
    plain = unicodedata.normalize("NFKC", name).casefold()
    slug = re.sub(r"[\W_]+", "-", plain).strip("-") or plain
    return Topic(identify("topic", slug), name, slug)


def _remembered(read: Any, text: str) -> Any:
    """Call *read*, which remembers what it made of texts; not of very long ones."""
    return (read if len(text) <= MAX_REMEMBERED else read.__wrapped__)(text)


def _outcome(read: Callable[[SourceFile], T], source: SourceFile) -> T | Rejection:
    """Call *read*; whatever it raises but `UnusualError` is a rejection."""
    try:
        return read(source)
    except UnusualError:
        raise
    except FrontMatterError as error:
        return _rejection(source, error.reason, error.detail, error.line)
    except FieldError as error:
        line = _Lines(source.content).line_of(str(error))
        return _rejection(source, str(error), "", line)
    except MemoryError:
        return _rejection(source, NEEDS_MEMORY)
    except Exception as error:  # noqa: BLE001 - one file must never end the run
        detail = f"{type(error).__name__}: {error}"[:500]
        return _rejection(source, UNEXPECTED, detail)


def _as_taxonomy(found: Taxonomy | Rejection) -> Taxonomy | Rejection:
    return replace(found, stage="taxonomy") if isinstance(found, Rejection) else found


def _rejection(
    source: SourceFile, reason: str, detail: str = "", line: int | None = None
) -> Rejection:
    return Rejection("parse", source.path, reason, detail, line, source.source_id)


class _Lines:
    """Where the fields of a file stand, looked for once something is wrong with one."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._entries: dict[bytes, tuple[int, list[int]] | None] = {}

    def line_of(self, reason: str) -> int | None:
        """Find the line of the field, or of the entry of a list, that *reason* quotes.

        Each list is looked through once, however many of its entries are wrong.
        """
        quoted = re.match(r"'(\w+)(?:\[(\d+)\])?", reason)
        if quoted is None:
            return None
        name = quoted[1].encode()
        if name not in self._entries:
            self._entries[name] = self._find(name)
        found = self._entries[name]
        if found is None:
            return None
        line, entries = found
        index = int(quoted[2]) if quoted[2] else len(entries)
        return entries[index] if index < len(entries) else line

    def _find(self, name: bytes) -> tuple[int, list[int]] | None:
        """Return the line of a field, and those of its entries if it is a list."""
        starts = re.compile(rb"%b\s*:" % re.escape(name))
        for number, line in enumerate(self._lines, 1):
            if starts.match(line):
                return number, _lines_of_entries(self._lines, number)
        return None

    @cached_property
    def _lines(self) -> list[bytes]:
        """The lines of the file up to the one that closes its front matter."""
        lines = self._content.splitlines()
        dashes = [n for n, line in enumerate(lines) if line.rstrip() == b"---"]
        return lines[: dashes[1]] if len(dashes) > 1 else lines


def _lines_of_entries(lines: list[bytes], start: int) -> list[int]:
    """Return the lines, counted from 1, of the outermost dashes below line *start*."""
    dashes: list[tuple[int, bytes]] = []
    for number, line in enumerate(lines[start:], start + 1):
        dash = re.match(rb"(\s*)-(?:\s|\Z)", line)
        if dash:
            dashes.append((number, dash[1]))
        elif re.match(rb"[^\s#]", line):
            break  # the next field
    return [number for number, indent in dashes if indent == dashes[0][1]]


def _article(source: SourceFile, *, only_usual: bool = False) -> Article:
    decoded = decode(source.content, prescan=False)
    text = _with_line_feeds(decoded.text)
    front_matter = read_front_matter(text, only_usual=only_usual)
    document = StoredDocument(
        source.source_id,
        source.path,
        source.revision,
        hashlib.sha256(source.content).hexdigest(),
        len(source.content),
        to_json(front_matter.fields),
        front_matter.body,
    )
    return _described(
        document,
        front_matter.fields,
        source,
        decoded,
        is_line_oriented=front_matter.is_line_oriented,
    )


def _with_line_feeds(text: str) -> str:
    if "\r" not in text:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _described(
    document: StoredDocument,
    fields: dict[str, Any],
    source: SourceFile,
    decoded: Decoded | None = None,
    *,
    is_line_oriented: bool = False,
) -> Article:
    document_id = identify("document", str(document.source_id), document.path)
    reader = _Reader(source)
    mention = reader.mention(fields, "")
    related = reader.entries(fields, "related", "", reader.mention)
    own = {name: getattr(mention, name) for name in Mention.__slots__}
    if decoded is not None:
        own["repairs"] = (*_file_repairs(document_id, decoded), *mention.repairs)
    return Article(
        **own,
        source_id=document.source_id,
        document_id=document_id,
        path=document.path,
        revision=document.revision,
        sha256=document.sha256,
        size_bytes=document.size_bytes,
        front_matter=document.front_matter,
        body=document.body,
        related=related,
        rejections=tuple(reader.rejections),
        observed_at=source.observed_at,
        is_line_oriented=is_line_oriented,
    )


def _file_repairs(document_id: UUID, decoded: Decoded) -> Iterator[Repair]:
    """Say what had to be done to the bytes of the file as a whole."""
    if decoded.source == "bom":
        yield Repair("documents", document_id, "content", "byte_order_mark", "", "")
    if decoded.encoding != "utf-8":
        was = decoded.encoding
        yield Repair("documents", document_id, "content", "encoding", was, "utf-8")
    if "\r" in decoded.text:
        yield Repair("documents", document_id, "content", "line_ends", "CR", "LF")


class _Reader:
    """Reads the fields of one file and notes the entries that cannot be taken."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._lines = _Lines(source.content)
        self.rejections: list[Rejection] = []

    def mention(self, fields: Any, where: str) -> Mention:
        """Read what *fields* say of an article; *where* prefixes names in messages.

        A block that stands in many files is read once, if nothing in it is rejected.
        """
        if not isinstance(fields, Block):
            return self._mention(fields, where)
        if isinstance(fields.reading, Mention):
            return fields.reading
        rejected = len(self.rejections)
        mention = self._mention(fields, where)
        if len(self.rejections) == rejected:
            fields.reading = mention
        return mention

    def _mention(self, fields: Any, where: str) -> Mention:
        values = _Fields(fields, where)
        url, key, article_id, unused = self._address(values)
        values.subject = ("articles", article_id)
        ciphertext, iv = _secured(values.get("secured"))
        extra = values.others(ARTICLE_FIELDS) | unused
        if iv is None and values.get("secured") is not None:
            extra["secured"] = values.get("secured")
        provider = self._provider(values, extra, url)
        images = self._images(values, extra, url)
        return Mention(
            article_id=article_id,
            url=url,
            url_key=key,
            original_url=self._address_of(values, "originalUrl", extra),
            amp_url=self._address_of(values, "ampWebUrl", extra),
            cdn_amp_url=self._address_of(values, "cdnAmpWebUrl", extra),
            title=values.text("title", "title", entities=True),
            excerpt=values.text("excerpt", "excerpt", entities=True),
            category=values.text("category", "category"),
            type=values.text("type", "type"),
            provider=provider,
            published_at=values.moment("publishedDateTime"),
            updated_at=values.moment("updatedDateTime"),
            quality=values.integer("quality"),
            heat=values.integer("heat"),
            is_published=values.boolean("published"),
            is_removed=bool(values.boolean("removed")),
            featured_content=values.text("featured_content", "featuredContent"),
            locale=values.text("locale", "locale"),
            secured_ciphertext=ciphertext,
            secured_iv=iv,
            extra=to_json(extra),
            topics=values.topics(),
            images=images,
            repairs=tuple(values.repairs),
        )

    def entries(
        self,
        fields: dict[str, Any],
        name: str,
        where: str,
        read: Callable[..., T],
    ) -> tuple[T, ...]:
        """Read each entry of a list; one that is unusable costs itself alone."""
        found = fields.get(name)
        if found is None:
            return ()
        if not isinstance(found, list):
            msg = f"'{where}{name}' is {_shown(found)}, not a list"
            raise FieldError(msg)
        taken = []
        for index, entry in enumerate(found):
            try:
                taken.append(read(entry, f"{where}{name}[{index}]."))
            except FieldError as error:
                self._reject_entry(str(error), entry)
        return tuple(taken)

    def _reject_entry(self, reason: str, entry: object) -> None:
        line = self._lines.line_of(reason)
        detail = to_json(entry)[:500]
        self.rejections.append(_rejection(self._source, reason, detail, line))

    def _address(self, values: _Fields) -> tuple[str, str, UUID, dict[str, Any]]:
        """Return address, key and id of the article: `webUrl`, else `originalUrl`."""
        unused: dict[str, Any] = {}
        problem = f"'{values.where}webUrl' is missing, and so is 'originalUrl'"
        for name in ("webUrl", "originalUrl"):
            written = values.plain_text(name)
            if not written:
                continue
            try:
                address, key, article_id = _remembered(_located, written)
            except ValueError as error:
                problem = f"'{values.where}{name}': {error}"
                unused[name] = written
                continue
            if unused:
                self._reject_entry(problem, written)
            return address, key, article_id, unused
        raise FieldError(problem)

    def _address_of(
        self, values: _Fields, name: str, extra: dict[str, Any]
    ) -> str | None:
        """Return a further address; one that is unusable is kept in *extra*."""
        written = values.plain_text(name)
        if not written:
            return None
        try:
            return fetch_url(written)
        except ValueError as error:
            extra[name] = written
            self._reject_entry(f"'{values.where}{name}': {error}", written)
            return None

    def _provider(
        self, values: _Fields, extra: dict[str, Any], article_url: str
    ) -> Provider | None:
        found = values.get("provider")
        if found is None:
            return None
        if isinstance(found, Block) and isinstance(found.reading, Provider):
            return found.reading
        fields = {"name": found} if isinstance(found, str) else found
        where = f"{values.where}provider."
        rejected = len(self.rejections)
        provider, repairs, others = self.provider(fields, where, article_url)
        values.repairs.extend(repairs)
        if others:
            extra["provider"] = others
        is_said = repairs or others or len(self.rejections) > rejected
        if isinstance(found, Block) and provider.domain and not is_said:
            found.reading = provider  # wherever it stands
        return provider

    def provider(
        self, fields: Any, where: str, article_url: str = ""
    ) -> tuple[Provider, list[Repair], dict[str, Any]]:
        """Read a provider: with its repairs and the fields that have no column.

        Relative addresses of its images start at its domain; if it has none, at the
        article that names it.
        """
        values = _Fields(fields, where)
        domain = values.plain_text("domain").lower()
        written = _one_space(values.plain_text("name"))
        provider, repairs = _named_provider(written, domain)
        if not provider.name:
            msg = f"'{where}name' is missing, and so is 'domain'"
            raise FieldError(msg)
        values.repairs.extend(repairs)
        others = values.others(PROVIDER_FIELDS)
        base = f"https://{domain}/" if domain else article_url
        if images := self._images(values, others, base):
            provider = replace(provider, images=images)
        return provider, values.repairs, others

    def _images(
        self, values: _Fields, extra: dict[str, Any], base: str
    ) -> tuple[ImageReference, ...]:
        read = partial(self._image, base, extra, values.repairs)
        return self.entries(values.fields, "images", values.where, read)

    def _image(
        self,
        base: str,
        extra: dict[str, Any],
        repairs: list[Repair],
        entry: Any,
        where: str,
    ) -> ImageReference:
        if isinstance(entry, Block) and isinstance(entry.reading, ImageReference):
            return entry.reading
        values = _Fields({"url": entry} if isinstance(entry, str) else entry, where)
        written = values.plain_text("url")
        if not written:
            msg = f"'{where}url' is missing"
            raise FieldError(msg)
        if others := values.others(IMAGE_FIELDS):
            extra.setdefault("images", {})[written] = others
        image = _image_reference(values, written, base)
        repairs.extend(values.repairs)
        is_said = others or values.repairs
        is_absolute = written == image.url and written.startswith(_ABSOLUTE)
        if isinstance(entry, Block) and is_absolute and not is_said:
            entry.reading = image  # wherever it stands
        return image


@lru_cache(maxsize=REMEMBERED)
def _located(written: str) -> tuple[str, str, UUID]:
    """Return the address that is written, its key, and the id of its article."""
    key = url_key(written)
    return fetch_url(written), key, identify("article", key)


@lru_cache(maxsize=4_096)
def _named_provider(written: str, domain: str) -> tuple[Provider, tuple[Repair, ...]]:
    """Return the provider of that name and domain, and how its name was mended."""
    mended = repair(written, entities=True)
    name = _one_space(mended.text) or domain
    provider_id = identify("provider", domain, name)
    registrable = registrable_domain(domain) if domain else None
    provider = Provider(provider_id, name, domain or None, registrable, ())
    repairs = (
        Repair("providers", provider_id, "name", rule, written, name)
        for rule in mended.rules
    )
    return provider, tuple(repairs)


def _image_reference(values: _Fields, written: str, base: str) -> ImageReference:
    """Take an image as declared; whether its address can be fetched is seen later.

    A relative address is resolved against *base*.
    """
    url = _image_address(written, base)
    image_id = identify("image", url)
    values.subject = ("images", image_id)
    return ImageReference(
        image_id=image_id,
        url=url,
        declared_width=values.integer("width"),
        declared_height=values.integer("height"),
        declared_is_cached=values.boolean("isCached"),
        title=values.text("title", "title", entities=True),
        attribution=values.text("attribution", "attribution", entities=True),
    )


def _image_address(written: str, base: str) -> str:
    try:
        return fetch_url(written)
    except ValueError:
        pass
    try:
        return join_url(base, written)
    except ValueError:
        return written  # such as data: addresses


class _Fields:
    """The fields of one map, asked for by name and kind; a wrong kind is an error."""

    def __init__(self, fields: Any, where: str) -> None:
        if not isinstance(fields, dict):
            msg = f"'{where.rstrip('.')}' is {_shown(fields)}, not a map of fields"
            raise FieldError(msg)
        self.fields: dict[str, Any] = fields
        self.get: Callable[[str], Any] = fields.get
        self.where = where
        self.subject: tuple[str, UUID] | None = None
        self.repairs: list[Repair] = []

    def others(self, known: frozenset[str]) -> dict[str, Any]:
        """Return the fields that have no column of their own."""
        return {name: self.fields[name] for name in self.fields if name not in known}

    def plain_text(self, name: str) -> str:
        """Return a scalar as text without space around it, or `""`."""
        value = self.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, dict | list):
            raise self._wrong(name, "text")
        return to_json(value).strip()

    def text(self, column: str, name: str, *, entities: bool = False) -> str | None:
        """Return a text repaired, the repair noted under its column."""
        if self.get(name) is None:
            return None
        written = self.plain_text(name)
        if not written:
            return None
        repaired = repair(written, entities=entities)
        text = repaired.text.strip()  # `&nbsp;` at its end is no part of a text either
        self.note(column, repaired.rules, written, text)
        return text or None

    def note(self, column: str, rules: Iterable[str], before: str, after: str) -> None:
        """Note what was mended in a column of the row that these fields become."""
        if self.subject is not None:
            table, row = self.subject
            for rule in rules:
                self.repairs.append(Repair(table, row, column, rule, before, after))

    def integer(self, name: str) -> int | None:
        """Return a whole number that a 32-bit column holds."""
        value = self.get(name)
        if value is None:
            return None
        try:
            number = int(value)
            is_whole = not isinstance(value, bool) and number == float(value)
        except (TypeError, ValueError, OverflowError):
            is_whole = False
        if not is_whole or not -(2**31) <= number < 2**31:
            raise self._wrong(name, "a whole number")
        return number

    def boolean(self, name: str) -> bool | None:
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        known = {"true": True, "false": False, "1": True, "0": False}
        taken = known.get(str(value).strip().lower())
        if taken is None:
            raise self._wrong(name, "true or false")
        return taken

    def moment(self, name: str) -> datetime | None:
        """Return a moment in UTC; one without a zone is taken as UTC."""
        written = self.plain_text(name)
        if not written:
            return None
        moment: datetime | None = _remembered(_moment, written)
        if moment is None:
            raise self._wrong(name, "a date and time such as 2020-06-11T23:41:00Z")
        return moment

    def topics(self) -> tuple[Topic, ...]:
        """Return the topics, each once, in their order; numbers are names too."""
        value = self.get("topics")
        if value is None:
            return ()
        entries = value if isinstance(value, list) else [value]
        found: dict[UUID, Topic] = {}
        for index, entry in enumerate(entries):
            if isinstance(entry, dict | list):
                where = f"topics[{index}]"
                raise self._wrong(where, "the name of a topic", entry)
            name = entry if isinstance(entry, str) else to_json(entry)
            taken = self.topic(name) if entry is not None else None
            if taken:
                found.setdefault(taken.topic_id, taken)
        return tuple(found.values())

    def topic(self, name: str) -> Topic | None:
        """Return the topic of that name, its repairs noted under its own row.

        None if there is nothing to see of the name.
        """
        mended = repair(name, entities=True)
        taken = topic(_one_space(mended.text))
        if not taken.name:
            return None
        for rule in mended.rules:
            self.repairs.append(
                Repair("topics", taken.topic_id, "name", rule, name, mended.text)
            )
        return taken

    def _wrong(self, name: str, expected: str, value: object = None) -> FieldError:
        shown = _shown(self.get(name) if value is None else value)
        return FieldError(f"'{self.where}{name}' is {shown}, not {expected}")


@lru_cache(maxsize=REMEMBERED)
def _moment(written: str) -> datetime | None:
    """Read a moment, in UTC; None if it is none."""
    for read in (datetime.fromisoformat, _of_mail):
        try:
            return _in_utc(read(written))
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None


def _of_mail(written: str) -> datetime:
    """Read a moment as RFC 5322 spells it, with a module that takes 15 ms to import."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - hardly ever

    return parsedate_to_datetime(written)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _secured(value: object) -> tuple[bytes | None, bytes | None]:
    """Take `ciphertext;iv`, both base64, apart; two times None if it is not that."""
    if not isinstance(value, str):
        return None, None
    ciphertext, _, iv = value.partition(";")
    try:
        parts = [base64.b64decode(part, validate=True) for part in (ciphertext, iv)]
    except ValueError:
        return None, None
    written = ";".join(base64.b64encode(part).decode("ascii") for part in parts)
    if not all(parts) or written != value:  # what would not come back stays in `extra`
        return None, None
    return parts[0], parts[1]


def _one_space(text: str) -> str:
    return " ".join(text.split())


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    return repr(value) if len(repr(value)) < 80 else repr(value)[:77] + "…'"


def _taxonomy(source: SourceFile, *, only_usual: bool = False) -> Taxonomy:
    text = _with_line_feeds(decode(source.content, prescan=False).text)
    if source.path.endswith((".yaml", ".yml")):
        from tasks.guardedyaml import read_yaml  # noqa: PLC0415 - most runs read none

        fields = read_yaml(text, only_usual=only_usual)
    else:
        fields = read_front_matter(text, only_usual=only_usual).fields
    reader = _Reader(source)
    providers: tuple[Provider, ...] = ()
    topics: tuple[Topic, ...] = ()
    if "/topics/" in source.path:
        entry, repairs = _taxonomy_topic(_Fields(fields, ""))
        topics = (entry,)
    else:
        organization, repairs, _ = reader.provider(fields, "")
        providers = (organization,)
    return Taxonomy(
        source.source_id,
        source.path,
        hashlib.sha256(source.content).hexdigest(),
        providers,
        topics,
        tuple(repairs),
        tuple(reader.rejections),
    )


def _taxonomy_topic(values: _Fields) -> tuple[Topic, list[Repair]]:
    named = values.topic(values.plain_text("name") or values.plain_text("_id"))
    if named is None:
        msg = "'name' is missing, and so is '_id'"
        raise FieldError(msg)
    parent = _one_space(values.plain_text("parent"))
    keywords = values.get("keywords") or []
    if not isinstance(keywords, list):
        msg = f"'keywords' is {_shown(keywords)}, not a list"
        raise FieldError(msg)
    taken = replace(
        named,
        parent_topic_id=topic(parent).topic_id if parent else None,
        keywords=tuple(str(word) for word in keywords),
    )
    return taken, values.repairs
