"""What a page says about itself: JSON-LD, then OpenGraph and other `<meta>`. Pure.

Only what is said is taken: an author that is a navigation word, or a date guessed from
the text, is worse than none.
"""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from lxml.html import HtmlElement

from tasks.text import repair
from tasks.urls import join_url

Names = dict[str, list[str]]
Node = dict[str, Any]
Value = TypeVar("Value")

MAX_SCRIPT_CHARACTERS = 1_000_000  # of JSON-LD; whole articles fit with their markup
MAX_NODES = 5_000  # of JSON-LD that are looked at
MAX_AUTHORS = 20
MAX_NAME = 80  # characters of an author's name; longer ones are sentences
_ARTICLE = re.compile(r"(?:Article|Posting|Report|Review)$")
_PAGE = re.compile(r"(?:Page|VideoObject|Recipe|Event|PodcastEpisode)$")
_TITLE = ("og:title", "twitter:title", "parsely-title", "dc.title", "sailthru.title")
_AUTHORS = (
    "author",
    "article:author",
    "article:author_name",
    "parsely-author",
    "sailthru.author",
    "dc.creator",
    "dcterms.creator",
    "dc.author",
    "byl",
    "cxenseparse:author",
)
_PUBLISHED = (
    "article:published_time",
    "datepublished",
    "og:published_time",
    "parsely-pub-date",
    "sailthru.date",
    "article.published",
    "publish-date",
    "publish_date",
    "pubdate",
    "dc.date.issued",
    "dcterms.created",
    "dc.date",
    "date",
    "cxenseparse:recs:publishtime",
)
_SITE = ("og:site_name", "application-name", "al:ios:app_name")
_IMAGE = ("og:image", "og:image:secure_url", "og:image:url", "twitter:image")
_IMAGE_MORE = ("twitter:image:src", "parsely-image-url", "sailthru.image.full")
_LANGUAGE = ("og:locale", "content-language", "language", "dc.language")
_NO_NAME = re.compile(
    r"https?:|www\.|@|[<>{}|=\[\]]|\d{4}|^\W*$|^(?:admin|administrator|author|authors|by"
    r"|comments?|contact|contributor|editor|guest|home|login|more|news|none|null|posted"
    r"|read more|share|sign in|staff|subscribe|undefined|unknown|user|webmaster)$",
    re.IGNORECASE,
)
_BY = re.compile(
    r"^(?:(?:written|posted|published|reported|story)\s+)?by\b[:\s]*|^von\s|^par\s|^por\s",
    re.IGNORECASE,
)
_SCRIPT_FRAME = re.compile(
    r"\A\s*(?:<!--|//\s*<!\[CDATA\[|/\*.*?\*/)|(?:-->|//\s*\]\]>|;)\s*\Z"
)
_LANGUAGE_TAG = re.compile(
    r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """As the columns of `pages`; *body* is the article's text if JSON-LD has it."""

    title: str | None
    authors: tuple[str, ...]
    published_at: datetime | None
    language: str | None
    site_name: str | None
    canonical_url: str | None
    lead_image_url: str | None
    body: str


def read_metadata(tree: HtmlElement, base_url: str) -> Metadata:
    """Read what the page of *tree* says about itself; its addresses made absolute."""
    nodes = list(_linked_data(tree))
    names = _meta(tree)
    site = _site_name(nodes, names)
    return Metadata(
        title=_title(tree, nodes, names, site),
        authors=_authors(tree, nodes, names, site),
        published_at=_first(map(parse_date, _dates(tree, nodes, names))),
        language=_first(map(_language, _languages(tree, nodes, names))),
        site_name=site,
        canonical_url=_address(base_url, _canonical(tree, names)),
        lead_image_url=_address(base_url, _images(nodes, names)),
        body=max((_text(n.get("articleBody")) for n in nodes), key=len, default=""),
    )


def parse_date(value: str) -> datetime | None:
    """Read a moment in the spellings of ISO 8601 and RFC 5322, as UTC.

    One without a zone is taken as UTC and a day as its midnight; years outside of 1990
    to 2100 are placeholders. None for anything else: nothing is guessed.
    """
    value = " ".join(value[:100].split())
    moment = None
    with suppress(ValueError, TypeError, OverflowError):
        moment = datetime.fromisoformat(_as_iso(value))
    if moment is None:
        with suppress(ValueError, TypeError, OverflowError, IndexError):
            moment = parsedate_to_datetime(value)
    if moment is None or not 1990 < moment.year < 2100:
        return None
    return (
        moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    )


def _as_iso(value: str) -> str:
    """Mend two frequent slips: a blank before the zone, fractions of other lengths."""
    value = re.sub(r"(?<=\d) (?=[+-]\d\d:?\d\d$|Z$)", "", value.removesuffix(" UTC"))
    return re.sub(r"\.(\d+)", lambda digits: "." + digits[1][:6].ljust(6, "0"), value)


# --- where things are said ------------------------------------------------------


def _title(
    tree: HtmlElement, nodes: list[Node], names: Names, site: str | None
) -> str | None:
    said = [node.get(key) for node in _articles(nodes) for key in ("headline", "name")]
    said.extend(_values(names, _TITLE))
    said.extend(element.text for element in tree.iterfind(".//title"))
    headings = [_text(h1.text_content()) for h1 in tree.findall(".//h1")[:2]]
    title = _first(map(_text, said)) or _first(headings)
    if not title:
        return None
    # The only heading, when the title merely adds the name of a site or section to it.
    if len(headings) == 1 and len(headings[0]) > 10 and title.startswith(headings[0]):
        return headings[0]
    return _without_site(title, site)


def _without_site(title: str, site: str | None) -> str:
    """Cut ` | The Site` off a title."""
    head, bar, tail = _rpartition(title)
    if bar and site and head.strip() and _folded(tail) == _folded(site):
        return head.strip()
    return title


def _rpartition(title: str) -> tuple[str, str, str]:
    found = list(re.finditer(r"\s[|\-\u2013\u2014\u00b7:\u00bb]\s", title))
    if not found:
        return "", "", title
    return title[: found[-1].start()], found[-1][0], title[found[-1].end() :]


def _folded(name: str) -> str:
    return re.sub(r"\W|\.com$", "", name.casefold())


def _authors(
    tree: HtmlElement, nodes: list[Node], names: Names, site: str | None
) -> tuple[str, ...]:
    publishers = (name for node in nodes for name in _persons(node.get("publisher")))
    organisations = {_folded(name) for name in (*publishers, site or "")}
    for said in (
        *(_persons(node.get("author")) for node in _articles(nodes)),
        *(_persons(node.get("creator")) for node in _articles(nodes)),
        *(names.get(key, []) for key in _AUTHORS),
        (e.text_content() for e in tree.xpath("//*[@itemprop='author']")[:MAX_AUTHORS]),
        (e.text_content() for e in tree.xpath("//a[@rel='author']")[:MAX_AUTHORS]),
    ):
        sane = dict.fromkeys(_sane_names(said, organisations))
        if sane:
            return tuple(sane)[:MAX_AUTHORS]
    return ()


def _persons(value: object) -> Iterator[str]:
    """Yield the names in the many shapes of JSON-LD's `author`."""
    if isinstance(value, list):
        for part in value[:MAX_AUTHORS]:
            yield from _persons(part)
    elif isinstance(value, dict):
        yield from _persons(value.get("name"))
    elif isinstance(value, str):
        yield value


def _sane_names(said: Iterable[str], organisations: set[str]) -> Iterator[str]:
    for value in said:
        for name in _split_names(_BY.sub("", _text(value))):
            is_person = _folded(name) not in organisations
            if is_person and len(name) <= MAX_NAME and not _NO_NAME.search(name):
                yield name


def _split_names(line: str) -> list[str]:
    """Split "Ann Lee, Bo Ek and Cy Day", but not "Lee, Ann"."""
    names = re.split(r"\s*[;,&]\s+|\s+(?:and|und|et|y)\s+(?=[A-ZÀ-Þ])", line)
    return names if all(" " in name for name in names) else [line]


def _dates(tree: HtmlElement, nodes: list[Node], names: Names) -> Iterator[str]:
    for node in _articles(nodes):
        for key in ("datePublished", "dateCreated", "uploadDate"):
            yield _text(node.get(key))
    yield from _values(names, _PUBLISHED)
    for element in tree.xpath("//*[@itemprop='datePublished'] | //time[@pubdate]"):
        yield element.get("datetime") or element.get("content") or ""
    # One moment alone can only be the page's own; of several, who knows.
    times = {e.get("datetime") for e in tree.xpath("//time[@datetime]")}
    if len(times) == 1:
        yield times.pop()


def _languages(tree: HtmlElement, nodes: list[Node], names: Names) -> Iterator[str]:
    yield tree.get("lang") or ""
    for node in _articles(nodes):
        yield _text(node.get("inLanguage"))
    yield from _values(names, _LANGUAGE)


def _language(tag: str) -> str | None:
    """Spell a language tag as RFC 5646 recommends: `en`, `en-US`, `zh-Hant`."""
    found = _LANGUAGE_TAG.match(tag.strip())
    if not found:
        return None
    language, script, region = found.groups("")
    return "-".join(
        part for part in (language.lower(), script.title(), region.upper()) if part
    )


def _site_name(nodes: list[Node], names: Names) -> str | None:
    said = list(_values(names, _SITE[:1]))
    for node in _articles(nodes):
        said.extend(_persons(node.get("publisher")))
    said.extend(_text(n.get("name")) for n in nodes if "WebSite" in _types(n))
    said.extend(_values(names, _SITE[1:]))
    return _first(map(_text, said))


def _canonical(tree: HtmlElement, names: Names) -> Iterator[str]:
    for link in tree.xpath("//link[@rel and @href]"):
        if "canonical" in link.get("rel").lower().split():
            yield link.get("href")
    yield from _values(names, ("og:url",))


def _images(nodes: list[Node], names: Names) -> Iterator[str]:
    yield from _values(names, (*_IMAGE, *_IMAGE_MORE))
    for node in _articles(nodes):
        for key in ("image", "thumbnailUrl"):
            yield from _urls(node.get(key))


def _urls(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for part in value[:10]:
            yield from _urls(part)
    elif isinstance(value, dict):
        yield from _urls(value.get("url") or value.get("contentUrl"))
    elif isinstance(value, str):
        yield value


# --- reading JSON-LD and meta ---------------------------------------------------


def _linked_data(tree: HtmlElement) -> Iterator[Node]:
    """Yield every object of the page's JSON-LD, outer ones first."""
    left: list[object] = []
    for script in tree.xpath("//script[contains(@type, 'ld+json')]"):
        left.extend(_loaded((script.text or "")[:MAX_SCRIPT_CHARACTERS]))
    for _ in range(MAX_NODES):
        if not left:
            return
        part = left.pop(0)
        if isinstance(part, list):
            left[:0] = part[:MAX_NODES]
        elif isinstance(part, dict):
            yield part
            keys = ("@graph", "mainEntity", "mainEntityOfPage")
            left.extend(part[key] for key in keys if key in part)


def _loaded(script: str) -> Iterator[object]:
    """Read JSON as it is found: in comments, with a semicolon, with raw line ends."""
    script = _SCRIPT_FRAME.sub("", script)
    with suppress(ValueError, RecursionError):
        yield json.loads(script, strict=False)


def _articles(nodes: list[Node]) -> list[Node]:
    """Return the nodes that are the article, else those that are the page."""
    for kind in (_ARTICLE, _PAGE):
        found = [n for n in nodes if any(map(kind.search, _types(n)))]
        if found:
            return found
    return []


def _types(node: Node) -> list[str]:
    value = node.get("@type")
    return [
        v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)
    ]


def _meta(tree: HtmlElement) -> Names:
    names: Names = defaultdict(list)
    for element in tree.iterfind(".//meta[@content]"):
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            for name in (element.get(attribute) or "").lower().split():
                names[name].append(element.get("content"))
    return names


def _values(names: Names, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        yield from names.get(key, ())


# --- values ---------------------------------------------------------------------


def _text(value: object) -> str:
    """Return *value* as one repaired line, entities resolved; '' if it is no text."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, str):
        return ""
    plain = html.unescape(re.sub(r"</?[a-zA-Z][^<>]*>", "", value))
    return " ".join(repair(plain, entities=True).text.split())


def _address(base_url: str, references: Iterable[str]) -> str | None:
    for reference in references:
        with suppress(ValueError):
            if reference.strip():
                return join_url(base_url, html.unescape(reference))
    return None


def _first(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in values if value), None)
