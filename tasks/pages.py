"""A captured page becomes text, metadata and links. Pure.

`trafilatura` finds the text; what the page says about itself is read by
`tasks.metadata`. Imported lazily by its users: it costs half a second.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import trafilatura
from lxml.html import HtmlElement

from tasks.markup import flatten, parse_html
from tasks.metadata import read_metadata
from tasks.models import Link, Page, Rejection
from tasks.text import decode, repair
from tasks.urls import fetch_url, join_url

MAX_LINKS = 2_000
MAX_ANCHOR = 500  # characters; more is a whole article inside of a link
SHORT_WORDS = 50  # fewer are a teaser, a consent page or a video's caption
_BINARY = (
    (re.compile(rb"%PDF"), "PDF"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP", re.DOTALL), "an image"),
    (re.compile(rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!"), "an archive"),
    (re.compile(rb"....ftyp|ID3|OggS|\x1aE\xdf\xa3", re.DOTALL), "sound or video"),
    (re.compile(rb"\s*[{\[]"), "JSON"),
    (
        re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:rss|feed|urlset|sitemapindex|svg)\b"),
        "XML",
    ),
)
# A word is a run of letters and digits, with apostrophes and hyphens inside; of scripts
# written without blanks (Chinese, Japanese), each character counts as one.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(
    rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['\u2019\-][^\W_{_UNSPACED}]+)*"
)

for _name in ("trafilatura", "htmldate", "justext", "courlan"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def read_page(
    content: bytes, url: str, content_type: str | None = None
) -> Page | Rejection:
    """Read the page that was got from *url* with this `Content-Type`; never raises.

    Flags: those of `text.decode` and `markup.parse_html`, `repaired` (mojibake was
    undone), `short` (fewer than 50 words, perhaps none: see `SHORT_WORDS`).
    """
    try:
        return _read(content, url, content_type)
    except Exception as error:  # noqa: BLE001 - hostile pages find ways nobody listed
        detail = f"{type(error).__name__}: {error}"[:1_000]
        return Rejection("page", url, "cannot be read", detail)


def count_words(text: str) -> int:
    """Count runs of letters and digits; in unspaced scripts, characters.

    >>> count_words("Don't panic: 24-hour news, 3 words")
    6
    """
    return sum(1 for _ in _WORD.finditer(text))


def _read(content: bytes, url: str, content_type: str | None) -> Page | Rejection:
    reason = _why_no_page(content)
    if reason:
        return Rejection("page", url, reason, content_type or "")
    decoded = decode(content, content_type)
    try:
        tree, mended = parse_html(decoded.text)
    except ValueError as error:
        return Rejection("page", url, str(error), content_type or "")
    base_url = _base_url(tree, url)
    metadata = read_metadata(tree, base_url)
    links = tuple(islice(_links(tree, base_url), MAX_LINKS))
    if "deep" in mended:
        flatten(tree)
    raw_text = _extracted(tree, url) or metadata.body
    text = _repaired(raw_text)
    word_count = count_words(text)
    flags = [*decoded.flags, *mended]
    if text != raw_text:
        flags.append("repaired")
    if word_count < SHORT_WORDS:
        flags.append("short")
    return Page(
        title=metadata.title,
        authors=metadata.authors,
        published_at=metadata.published_at,
        language=metadata.language,
        site_name=metadata.site_name,
        canonical_url=metadata.canonical_url,
        lead_image_url=metadata.lead_image_url,
        text=text,
        word_count=word_count,
        encoding=decoded.encoding,
        encoding_source=decoded.source,
        flags=tuple(flags),
        links=links,
    )


def _why_no_page(content: bytes) -> str | None:
    if not content.strip():
        return "is empty"
    for pattern, name in _BINARY:
        if pattern.match(content):
            return f"is {name}, not HTML"
    return None


def _extracted(tree: HtmlElement, url: str) -> str:
    text = trafilatura.extract(
        tree, url=url, fast=True, include_comments=False, output_format="txt"
    )
    return str(text or "").strip()


def _repaired(text: str) -> str:
    """Repair each paragraph by itself: encodings change from quote to quote."""
    return "\n".join(repair(paragraph).text for paragraph in text.split("\n"))


def _base_url(tree: HtmlElement, url: str) -> str:
    """Return what addresses are relative to: the first `<base>`, or the page."""
    try:
        own = fetch_url(url)
    except ValueError:
        own = "about:blank"  # relative addresses have no meaning, absolute ones do
    for base in tree.findall(".//base[@href]")[:1]:
        with suppress(ValueError):
            return join_url(own, base.get("href"))
    return own


def _links(tree: HtmlElement, base_url: str) -> Iterator[Link]:
    """Yield each address once, in order, without its fragment."""
    here = base_url.partition("#")[0]
    seen = {here}
    for element in tree.iter("a", "area"):
        reference = (element.get("href") or "").partition("#")[0].strip()
        if not reference:
            continue
        try:
            address = join_url(base_url, reference)
        except ValueError:
            continue
        if address not in seen:
            seen.add(address)
            yield Link(address, _anchor(element))


def _anchor(element: HtmlElement) -> str:
    pieces = islice(element.itertext(), 100)  # unclosed links hold the rest of the page
    anchor = " ".join("".join(pieces).split())
    if not anchor:
        anchor = " ".join(
            image.get("alt") or "" for image in element.iterfind(".//img")
        )
    return repair(anchor[:MAX_ANCHOR].strip()).text
