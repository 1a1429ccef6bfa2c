"""JSON-LD as it is found in pages: in any shape, broken, or far too much. Pure."""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import field
from typing import Any

from lxml.html import HtmlElement

from tasks.text import repair
from tasks.values import dataclass

Node = dict[str, Any]

MAX_SCRIPT_CHARACTERS = 1_000_000  # of one script; whole articles fit with their markup
MAX_SCRIPTS = 50
MAX_NODES = 5_000  # that are looked at
MAX_ARTICLES = 100  # of those, that are articles; lists of other stories have dozens
MAX_LEVELS = 10  # of lists and objects within a value
MAX_VALUES = 20  # of one property
_ARTICLE = re.compile(r"(?:Article|Posting|Report|Review)$")
_ORGANISATION = re.compile(r"(?:Organization|Corporation|Business|Project)$")
_PAGE = re.compile(r"(?:Page|VideoObject|Recipe|Event|PodcastEpisode)$")
_SCRIPT_FRAME = re.compile(
    r"\A\s*(?:<!--|//\s*<!\[CDATA\[|/\*.*?\*/)|(?:-->|//\s*\]\]>|;)\s*\Z"
)
_EXTRA_COMMA = re.compile(r",(?=\s*[}\]])")
_BLOCK_END = re.compile(r"</(?:p|div|h[1-6]|li)>|<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


@dataclass(frozen=True, slots=True)
class LinkedData:
    """The objects of a page: all of them, and those that are its article.

    *named* holds what objects refer to by `@id`.
    """

    nodes: tuple[Node, ...] = ()
    articles: tuple[Node, ...] = ()
    named: dict[str, Node] = field(default_factory=dict)

    def names(self, value: object) -> Iterator[str]:
        """Yield the names in the many shapes of `author` and `publisher`."""
        yield from self._names(value, MAX_LEVELS)

    def organisations(self, value: object) -> Iterator[str]:
        """Yield those of the names of `author` that are called an organisation's."""
        for author in self._authors(value):
            if any(map(_ORGANISATION.search, types(author))):
                yield from self.names(author)

    def owners(self, value: object, url: str) -> Iterator[str]:
        """Yield those whose home is that of the page at *url*: they are its site."""
        home = _bare(url).partition("/")[0]
        for author in self._authors(value):
            is_owner = _bare(one_line(author.get("url"))) == home
            if is_owner and any(map(_ORGANISATION.search, types(author))):
                yield from self.names(author)

    def _authors(self, value: object) -> Iterator[Node]:
        """Yield the objects of `author`, as they are or as they are named elsewhere."""
        for part in value[:MAX_VALUES] if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield {**self.named.get(str(part.get("@id")), {}), **part}

    def _names(self, value: object, levels: int) -> Iterator[str]:
        if levels == 0:
            return
        if isinstance(value, list):
            for part in value[:MAX_VALUES]:
                yield from self._names(part, levels - 1)
        elif isinstance(value, dict):
            name = value.get("name", value.get("@value"))
            if name is None:
                name = self.named.get(str(value.get("@id")), {}).get("name")
            yield from self._names(name, levels - 1)
        elif isinstance(value, str):
            yield value


def read_linked_data(tree: HtmlElement, url: str) -> LinkedData:
    """Read the JSON-LD of the page at *url*; what is no JSON is passed over."""
    nodes = tuple(_nodes(tree))
    named = {
        n["@id"]: n for n in nodes if isinstance(n.get("@id"), str) and "name" in n
    }
    return LinkedData(nodes, tuple(_articles(nodes, url)), named)


def types(node: Node) -> list[str]:
    """Return the types of *node*, usually one."""
    value = node.get("@type")
    return [
        v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)
    ]


def is_elsewhere(node: Node, url: str) -> bool:
    """Tell whether *node* calls addresses its own of which none is *url*."""
    own = [said for said in _named(node) if said.startswith(("http:", "https:"))]
    return bool(own) and _bare(url) not in map(_bare, own)


def one_line(value: object) -> str:
    """Return *value* as one line without tags; '' if it is no text."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("@value")
    if not isinstance(value, str):
        return ""
    return " ".join((_TAG.sub("", value) if "<" in value else value).split())


def plain_text(value: object) -> str:
    """Return *value* as one repaired line, entities resolved; '' if it is no text."""
    return " ".join(repair(one_line(value), entities=True).text.split())


def plain_paragraphs(value: object) -> str:
    """Return *value* as `plain_text` does, but keep its lines; empty ones are left out.

    A block of markup ends a line.
    """
    if not isinstance(value, str):
        return ""
    lines = _TAG.sub("", _BLOCK_END.sub("\n", html.unescape(value))).splitlines()
    return "\n".join(line for raw in lines if (line := " ".join(raw.split())))


def addresses(value: object, levels: int = MAX_LEVELS) -> Iterator[str]:
    """Yield the addresses in the many shapes of `image`."""
    if levels == 0:
        return
    if isinstance(value, list):
        for part in value[:MAX_VALUES]:
            yield from addresses(part, levels - 1)
    elif isinstance(value, dict):
        yield from addresses(value.get("url") or value.get("contentUrl"), levels - 1)
    elif isinstance(value, str):
        yield value


def _nodes(tree: HtmlElement) -> Iterator[Node]:
    """Yield every object, outer ones first."""
    left: deque[object] = deque()
    for script in tree.xpath("//script[contains(@type, 'ld+json')]")[:MAX_SCRIPTS]:
        left.extend(_loaded(script.text or ""))
    for _ in range(MAX_NODES):
        if not left:
            return
        part = left.popleft()
        if isinstance(part, list):
            left.extendleft(reversed(part[:MAX_NODES]))
        elif isinstance(part, dict):
            yield part
            keys = ("@graph", "mainEntity", "mainEntityOfPage")
            left.extend(part[key] for key in keys if key in part)


def _loaded(script: str) -> Iterator[object]:
    """Read JSON as it is found: in comments, with raw line ends, with a comma more."""
    if len(script) > MAX_SCRIPT_CHARACTERS:
        return
    script = _SCRIPT_FRAME.sub("", script)
    for written in (script, _EXTRA_COMMA.sub("", script)):
        with suppress(ValueError, RecursionError):
            yield json.loads(written, strict=False)
            return


def _articles(nodes: Iterable[Node], url: str) -> list[Node]:
    """Return the nodes that are the article, else those that are the page.

    A page may describe what it links to as well: those that name its own address come
    first.
    """
    for kind in (_ARTICLE, _PAGE):
        found = [n for n in nodes if any(map(kind.search, types(n)))]
        if found:
            here = _bare(url)
            own = sorted(found, key=lambda node: here not in map(_bare, _named(node)))
            return own[:MAX_ARTICLES]
    return []


def _named(node: Node) -> Iterator[str]:
    """Yield the addresses that *node* calls its own."""
    page = node.get("mainEntityOfPage")
    own = page.get("@id") if isinstance(page, dict) else page
    for value in (node.get("url"), node.get("@id"), own):
        if isinstance(value, str):
            yield value


def _bare(url: str) -> str:
    """Strip what does not tell two pages of a site apart."""
    return re.sub(r"^https?://(?:www\.|m\.|amp\.)?|[?#].*|/$", "", url)
