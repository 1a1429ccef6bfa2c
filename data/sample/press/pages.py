"""The stories of the press site, read from `stories/*.txt`, and the pages made of them.

A story file is a few `name: value` lines (see *Story*), an empty line and paragraphs,
in which `[words](address)` is a link.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HERE = Path(__file__).parent
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
OWN_TEMPLATE = ("bare", "video")
MOST_OTHERS = 4  # as many neighbours as an aside shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story: what it says and how its page is sent.

    *looks* names a template (`bare`, `video`) or the metadata of the common one
    (`json-ld`, `opengraph`); *served* the routes that have a page. *encoding* is what
    the bytes are in, *content_type* and *meta* are what the page claims about it.
    """

    address: str
    title: str
    paper: str
    author: str
    published: str
    lang: str
    looks: tuple[str, ...]
    paragraphs: tuple[str, ...]
    image: str = ""
    served: tuple[str, ...] = ("origin",)
    amp: str = ""
    cdn_amp: str = ""
    archive: str = ""
    encoding: str = "utf-8"
    content_type: str = "text/html; charset=utf-8"
    meta: str = "utf-8"
    etag: str = ""
    delay_seconds: float = 0.0
    is_gzipped: bool = False


def read_stories() -> tuple[Story, ...]:
    """Every story of the folder `stories`, by file name."""
    return tuple(map(_story, sorted((HERE / "stories").glob("*.txt"))))


def page(story: Story, stories: Iterable[Story]) -> bytes:
    """Write the story's own page, in the encoding that it is sent in."""
    template = next((name for name in story.looks if name in OWN_TEMPLATE), "page")
    html = _fill(template, _values(story, stories))
    return html.encode(story.encoding, "xmlcharrefreplace")


def amp_page(story: Story) -> bytes:
    """Write the story's AMP twin: the same words with less around them."""
    return _fill("amp", _values(story, ())).encode()


def archived_page(story: Story, stories: Iterable[Story], *, is_raw: bool) -> bytes:
    """Write the saved copy as it was, or under the archive's banner."""
    saved = page(story, stories)
    if is_raw:
        return saved
    return saved.replace(b"<div", b"<p>Saved by the archive</p>\n<div", 1)


def front_page(host: str, stories: Iterable[Story]) -> bytes:
    """List the stories of a host."""
    return _fill("front", {"host": host, "stories": _items(stories)}).encode()


def notice(title: str, sentence: str) -> bytes:
    """Say why there is no page."""
    return _fill("notice", {"title": title, "sentence": sentence}).encode()


def _story(path: Path) -> Story:
    head, _, text = path.read_text(encoding="utf-8").partition("\n\n")
    fields: dict[str, str] = {}
    for line in head.splitlines():
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    looks, served = fields.pop("looks"), fields.pop("served", "origin")
    delay, gzipped = fields.pop("delay_seconds", "0"), fields.pop("is_gzipped", "no")
    return Story(
        looks=tuple(looks.split(", ")),
        served=tuple(served.split(", ")),
        delay_seconds=float(delay),
        is_gzipped=gzipped == "yes",
        paragraphs=tuple(text.strip().split("\n\n")),
        **fields,
    )


def _fill(template: str, values: Mapping[str, str]) -> str:
    text = (HERE / "templates" / f"{template}.html").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _values(story: Story, stories: Iterable[Story]) -> dict[str, str]:
    host = urlsplit(story.address).netloc
    others = [s for s in stories if s is not story and host in s.address]
    return {
        "lang": story.lang,
        "title": escape(story.title),
        "paper": escape(story.paper),
        "author": escape(story.author),
        "published": story.published,
        "address": escape(story.address),
        "home": f"http://{host}/",
        "meta": f'<meta charset="{story.meta}">\n' if story.meta else "",
        "amp_link": _tag("link", rel="amphtml", href=story.amp),
        "opengraph": _opengraph(story) if _has_opengraph(story) else "",
        "json_ld": _json_ld(story) if "json-ld" in story.looks else "",
        "figure": _figure(story),
        "paragraphs": "\n".join(map(_paragraph, story.paragraphs)),
        "others": _items(others[:MOST_OTHERS]),
    }


def _has_opengraph(story: Story) -> bool:
    return not {"opengraph", "video"}.isdisjoint(story.looks)


def _opengraph(story: Story) -> str:
    properties = {
        "og:title": story.title,
        "og:url": story.address,
        "og:site_name": story.paper,
        "og:image": story.image,
        "article:published_time": story.published,
        "article:author": story.author,
    }
    return "".join(
        _tag("meta", property=name, content=value) for name, value in properties.items()
    )


def _json_ld(story: Story) -> str:
    data = {
        "@context": "http://schema.org",
        "@type": "NewsArticle",
        "headline": story.title,
        "datePublished": story.published,
        "inLanguage": story.lang,
        "mainEntityOfPage": story.address,
        "image": [story.image] if story.image else [],
        "author": [{"@type": "Person", "name": story.author}],
        "publisher": {"@type": "NewsMediaOrganization", "name": story.paper},
    }
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>\n'


def _figure(story: Story) -> str:
    if not story.image:
        return ""
    return f'<figure><img src="{escape(story.image)}" alt=""></figure>\n'


def _paragraph(text: str) -> str:
    linked = LINK.sub(r'<a href="\2">\1</a>', escape(text, quote=False))
    return f"<p>{linked}</p>"


def _items(stories: Iterable[Story]) -> str:
    return "".join(
        f'<li><a href="{escape(s.address)}">{escape(s.title)}</a></li>\n'
        for s in stories
    )


def _tag(element: str, **attributes: str) -> str:
    """One void element on its line, or nothing if an attribute has no value."""
    if not all(attributes.values()):
        return ""
    pairs = "".join(f' {name}="{escape(v)}"' for name, v in attributes.items())
    return f"<{element}{pairs}>\n"
