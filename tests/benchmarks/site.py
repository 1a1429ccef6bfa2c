"""The web that the fetching benchmarks ask: pages as news sites send them, addresses.

All names lead to one port of 127.0.0.1, see `server.py`; each way has a hook for that.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

HOSTS = 200
BODIES = 60  # distinct pages; 80 KB each, made when the server starts
PAGE_BYTES = 80_000  # a median news page of 2020 without its scripts' files
ROBOTS = b"User-agent: *\nDisallow: /admin/\nDisallow: /search\nAllow: /\n"
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


def addresses(count: int, port: int) -> list[str]:
    """Return *count* addresses, one host after the other in turn."""
    return [
        f"http://www.site{number % HOSTS:03}.example:{port}/2024/03/{number:05}.html"
        for number in range(count)
    ]


def robots_addresses(pages: list[str]) -> list[str]:
    """Return the robots.txt of each host of *pages*, once."""
    hosts = dict.fromkeys(page.split("/", 3)[2] for page in pages)
    return [f"http://{host}/robots.txt" for host in hosts]


def make_hub(folder: Path, pages: list[str]) -> Path:
    """Write a hub with one article for each of *pages*."""
    (folder / "_news").mkdir(parents=True)
    for number, page in enumerate(pages):
        host = page.split("/", 3)[2].partition(":")[0]
        text = (
            f'---\ntitle: "Article {number}"\nwebUrl: "{page}"\n'
            f"publishedDateTime: 2024-03-01T00:00:00Z\n"
            f"provider:\n  name: {host}\n  domain: {host}\n---\n"
        )
        (folder / "_news" / f"{number:05}.md").write_text(text, encoding="utf-8")
    return folder


def answers() -> list[bytes]:
    """Return whole HTTP answers of pages, gzip as servers send it."""
    draw = random.Random(0)  # noqa: S311 - the same web each time
    words = [_word(draw) for _ in range(6_000)]
    return [
        answer(gzip.compress(_page(draw, words), 6, mtime=0)) for _ in range(BODIES)
    ]


def answer(body: bytes, kind: str = "text/html; charset=utf-8") -> bytes:
    """Return an HTTP answer with the headers that a news site behind a cache sends."""
    coding = "content-encoding: gzip\r\n" if body.startswith(b"\x1f\x8b") else ""
    head = (
        "HTTP/1.1 200 OK\r\ndate: Fri, 01 Mar 2024 10:00:00 GMT\r\nserver: nginx\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n{coding}"
        "connection: keep-alive\r\nvary: Accept-Encoding\r\n"
        "cache-control: public, max-age=60, s-maxage=300\r\n"
        f'etag: W/"{len(body):x}-5e1d"\r\n'
        "last-modified: Fri, 01 Mar 2024 09:00:00 GMT\r\n"
        "x-frame-options: SAMEORIGIN\r\nx-content-type-options: nosniff\r\n"
        "strict-transport-security: max-age=31536000\r\nage: 12\r\nvia: 1.1 varnish\r\n"
        "x-cache: HIT\r\n\r\n"
    )
    return head.encode() + body


def _page(draw: random.Random, words: list[str]) -> bytes:
    """Write a page: head with metadata and styles, navigation, text, teasers."""
    title = _sentence(draw, words, 9)
    about = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": title,
        "datePublished": "2024-03-01T09:00:00Z",
        "author": {"@type": "Person", "name": _sentence(draw, words, 2)},
    }
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<title>{title}</title><meta property="og:title" content="{title}">',
        f'<script type="application/ld+json">{json.dumps(about)}</script><style>',
        *(_rule(draw, words) for _ in range(150)),
        "</style></head><body><nav><ul>",
        *(_teaser(draw, words, 2) for _ in range(60)),
        f"</ul></nav><main><article><h1>{title}</h1>",
        *(f"<p>{_sentence(draw, words, 60)}.</p>\n" for _ in range(25)),
        "</article></main><aside><ul>",
    ]
    size = sum(map(len, parts))
    while size < PAGE_BYTES:
        parts.append(_teaser(draw, words, 12))
        size += len(parts[-1])
    return "".join([*parts, "</ul></aside></body></html>\n"]).encode()


def _rule(draw: random.Random, words: list[str]) -> str:
    names = f".{draw.choice(words)}-{draw.choice(words)}"
    colour = f"{draw.randrange(4096):03x}"
    return (
        f"{names}{{margin:{draw.randrange(40)}px auto;color:#{colour};"
        f"display:flex;font-size:{draw.randrange(10, 40)}px}}\n"
    )


def _teaser(draw: random.Random, words: list[str], length: int) -> str:
    text = _sentence(draw, words, length)
    path = text.lower().replace(" ", "-")
    return (
        f'<li class="teaser teaser--small"><a class="teaser__link" data-track="teaser"'
        f' href="/2024/03/{path}-{draw.randrange(10**6)}.html">{text}</a></li>\n'
    )


def _sentence(draw: random.Random, words: list[str], length: int) -> str:
    """Draw words as languages do: few of them often, most of them hardly ever."""
    ranks = (int(len(words) ** draw.random()) - 1 for _ in range(length))
    return " ".join(words[rank] for rank in ranks).capitalize()


def _word(draw: random.Random) -> str:
    length = draw.randrange(2, 10)
    return "".join(
        _LETTERS[int(len(_LETTERS) ** draw.random()) - 1] for _ in range(length)
    )
