"""What every address of the press site answers; the site as a value, without a socket.

Hosts are told apart by the Host header. A reply is found by host, path and query as
they were sent: a signed address answers in no other spelling.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pages import (
    Story,
    amp_page,
    archived_page,
    front_page,
    notice,
    page,
    read_stories,
)
from pictures import COURIER, PICTURES, SKERRY, cut_short, huge_png, paint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LAST_MODIFIED = "Tue, 05 Mar 2024 10:00:00 GMT"  # the day of the page that has it
ARCHIVE = "web.archive.example"
DEAD_HOSTS = frozenset({"www.oldferry.example"})  # accept, then hang up
AMERY = "http://www.portamerytimes.example"
WITHDRAWN = f"{AMERY}/sport/2024/regatta-of-bathtubs"

REDIRECTS = (
    (
        301,
        "http://www.lanterncourier.example/story?id=118",
        "http://www.lanterncourier.example/2024/03/harbour-seal-census",
    ),
    (302, f"{AMERY}/2024/night-bus", "../transport/2024/night-bus-meets-the-ferry"),
    (301, f"{AMERY}/b/hum", f"{AMERY}/bridges/hum"),
    (302, f"{AMERY}/bridges/hum", "/town/hum?from=bridges"),
    (301, f"{AMERY}/town/hum?from=bridges", "/town/2024/the-bridge-that-hums"),
    (
        302,
        f"{COURIER}/03/seals.jpg",
        "http://cdn.lanterncourier.example/seals-1200.jpg",
    ),
)

ROBOTS = {
    "www.portamerytimes.example": "User-agent: *\nDisallow: /members/\n",
    "skerryscience.example": "User-agent: *\nCrawl-delay: 0.1\nDisallow: /drafts/\n",
}
OPEN_TO_ALL = "User-agent: *\nDisallow:\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; *location* makes it a redirect, *etag* a page with a memory."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    location: str = ""
    etag: str = ""
    last_modified: str = ""
    delay_seconds: float = 0.0
    is_gzipped: bool = False


NOT_FOUND = Reply(
    notice("Not found", "The tide has taken this page, or it never was here."),
    status=404,
)


class Site:
    """All hosts of the press site."""

    def __init__(self) -> None:
        stories = read_stories()
        replies = (
            *_pages(stories),
            *_redirects(),
            *_pictures(),
            (WITHDRAWN, Reply(notice("Gone", "Withdrawn for good."), status=410)),
        )
        self._replies = dict(replies)
        hosts = {urlsplit(address).netloc for address in self._replies}
        self._replies |= dict(_front_pages(hosts, stories))
        self._replies |= dict(_robots(hosts))
        self._archived = {s.archive: s.address for s in stories if s.archive}

    @property
    def addresses(self) -> frozenset[str]:
        """Every address that has an answer other than 'not found'."""
        return frozenset(self._replies)

    def reply(self, host: str, target: str) -> Reply | None:
        """Answer for *host* to a path with query; None: it hangs up."""
        if host in DEAD_HOSTS:
            return None
        if host == ARCHIVE and target.startswith("/web/"):
            return self._from_archive(target)
        address = f"http://{host}{target}"
        known = self._replies.get(address)
        return known or self._replies.get(_without_tracking(address), NOT_FOUND)

    def _from_archive(self, target: str) -> Reply:
        """Lead any timestamp of a saved address to the moment that was saved."""
        saved = self._replies.get(f"http://{ARCHIVE}{target}")
        if saved:
            return saved
        timestamp, _, address = target.removeprefix("/web/").partition("/")
        for copy, original in self._archived.items():
            if address == original and timestamp.removesuffix("id_").isdigit():
                is_raw = timestamp.endswith("id_")
                return _redirect(302, copy if is_raw else copy.replace("id_/", "/", 1))
        return NOT_FOUND


def _pages(stories: tuple[Story, ...]) -> Iterator[tuple[str, Reply]]:
    for story in stories:
        if "origin" in story.served:
            yield story.address, _page(story, stories)
        if "amp" in story.served:
            yield story.amp, Reply(amp_page(story))
        if "cdn_amp" in story.served:
            yield story.cdn_amp, Reply(amp_page(story))
        if "archive" in story.served:
            raw = archived_page(story, stories, is_raw=True)
            yield story.archive, Reply(raw)
            framed = archived_page(story, stories, is_raw=False)
            yield story.archive.replace("id_/", "/", 1), Reply(framed)


def _page(story: Story, stories: tuple[Story, ...]) -> Reply:
    return Reply(
        page(story, stories),
        content_type=story.content_type,
        etag=story.etag,
        last_modified=LAST_MODIFIED if story.etag else "",
        delay_seconds=story.delay_seconds,
        is_gzipped=story.is_gzipped,
    )


def _redirects() -> Iterator[tuple[str, Reply]]:
    for status, address, location in REDIRECTS:
        yield address, _redirect(status, location)


def _redirect(status: int, location: str) -> Reply:
    body = notice("Moved", "This page has moved.")
    return Reply(body, status=status, location=location)


def _pictures() -> Iterator[tuple[str, Reply]]:
    painted = {picture.address: paint(picture) for picture in PICTURES}
    for picture in PICTURES:
        yield (
            picture.address,
            _picture(painted[picture.address], picture.content_type),
        )
    yield (
        "http://mirror.lanterncourier.example/night-sky-copy.jpg",
        _picture(painted[f"{COURIER}/03/night-sky.jpg"]),
    )
    yield (
        f"{COURIER}/05/kelp-soup.jpg",
        _picture(cut_short(painted[f"{COURIER}/05/tarn-holm.jpg"])),
    )
    yield f"{SKERRY}/sea-floor-map.png", _picture(huge_png(), "image/png")
    yield (
        "http://img.portamerytimes.example/2024/quiet-hours.jpg",
        _picture(notice("Quiet hours", "The picture is asleep.")),
    )


def _picture(content: bytes, content_type: str = "image/jpeg") -> Reply:
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return Reply(content, content_type, etag=etag)


def _front_pages(
    hosts: Iterable[str], stories: tuple[Story, ...]
) -> Iterator[tuple[str, Reply]]:
    by_host: defaultdict[str, list[Story]] = defaultdict(list)
    for story in stories:
        by_host[urlsplit(story.address).netloc].append(story)
    for host in hosts:
        yield f"http://{host}/", Reply(front_page(host, by_host[host]))


def _robots(hosts: Iterable[str]) -> Iterator[tuple[str, Reply]]:
    for host in hosts:
        rules = ROBOTS.get(host, OPEN_TO_ALL).encode()
        yield f"http://{host}/robots.txt", Reply(rules, "text/plain; charset=utf-8")


def _without_tracking(address: str) -> str:
    """Drop from an address what a newsletter adds to it."""
    path, _, query = address.partition("?")
    kept = [part for part in query.split("&") if not part.startswith("utm_")]
    return "?".join([path, "&".join(kept)] if any(kept) else [path])
