"""The image cache holds what its rows say, whatever became of it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from PIL import Image

from flows import refresh
from flows.direct import Story, run_direct
from tasks.images import check_image
from tasks.models import CheckedImage
from tasks.run import Job, Run
from tasks.settings import FetchSettings, ImageSettings, Settings, SourceSettings
from tasks.steps import Steps
from tasks.warehouse.working import Warehouse
from tests.hub import MOMENT, Hub

PAGE = b"""<!DOCTYPE html><title>Bees</title><meta property="og:image"
content="/lead.png"><p>Bees came back to the city, and nobody knows from where."""


def png(color: str, size: tuple[int, int] = (60, 40)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def striped(number: int) -> bytes:
    """Draw a picture of its own for each *number*."""
    image = Image.effect_noise((64, 48), 60 + number)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Site:
    """Serves *files* by path for every host, each with its sum as ETag.

    *refusals* answer instead: a status, and what `Retry-After` says.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        """Answer with the file, or that it is as before, or not there."""
        content = self.site.files.get(self.path)
        etag = f'"{hashlib.sha256(content or b"").hexdigest()[:16]}"'
        status = 404 if content is None else 200
        if content is not None and self.headers.get("If-None-Match") == etag:
            status, content = 304, b""
        status, again = self.site.refusals.get(self.path, (status, ""))
        self.site.asked.append((self.path, status))
        self.send_response(status)
        if again:
            self.send_header("Retry-After", again)
        self.send_header("Content-Length", str(len(content or b"")))
        self.send_header("ETag", etag)
        is_page = content is not None and content.startswith(b"<!DOCTYPE")
        self.send_header("Content-Type", "text/html" if is_page else "image/png")
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    """A web site of the test's own."""
    site = Site()
    handler = type("SiteHandler", (_Handler,), {"site": site, "timeout": 5})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with contextlib.closing(server.socket):
        yield site
        server.shutdown()
        thread.join()


@dataclass
class Cache:
    """A hub whose articles show images of *site*."""

    hub: Hub
    site: Site
    said: list[str] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)  # of fetching
    checks: dict[str, Any] = field(default_factory=dict)  # of checking images

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.hub.data

    def settings(self) -> Settings:
        """Lead all hosts to the site, and wait for none."""
        fetch = FetchSettings(
            connect_to={"*.example": f"127.0.0.1:{self.site.port}"},
            per_host_delay_seconds=0.0,
            attempts=1,
            **self.limits,
        )
        source = SourceSettings(location=str(self.hub.folder), name="hub")
        return Settings(
            sources=(source,),
            data=self.data,
            fetch=fetch,
            images=ImageSettings(**self.checks),
        )

    def show(self, *paths: str, **declared: Any) -> None:
        """Let an article show images of the site."""
        images = [{"url": f"http://img.example{path}", **declared} for path in paths]
        self.hub.write("a.md", webUrl="http://news.example/a", images=images)

    def run(
        self,
        story: Story | None = None,
        *,
        moment: datetime = MOMENT,
        with_pages: bool = False,
    ) -> dict[str, Any]:
        """Tell *story*, or all but the publishing, and return the summary."""
        job = Job(
            self.settings(),
            with_pages=with_pages,
            moment=moment,
            say=self.said.append,
        )
        return run_direct(story or _unpublished, job)

    def fates(self, summary: dict[str, Any]) -> tuple[int, ...]:
        """Return what was due and what became of it, which must add up."""
        names = ("due", "cached", "failed", "deferred")
        due, *fates = (summary[f"images_{name}"] for name in names)
        assert due == sum(fates)
        return due, *fates

    def verify(self) -> list[str]:
        """Verify, and return what was said of single files."""
        self.said.clear()
        self.run(refresh.verify_images)
        words = (" is missing", " is changed", " is foreign")
        return [line for line in self.said if line.endswith(words)]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the working file: publishing it would take most of the time."""
        path = str(self.data / "warehouse" / "working.duckdb")
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute(statement).fetchall()

    def files(self) -> set[str]:
        """Return what lies in the cache."""
        return {
            path.relative_to(self.data).as_posix()
            for place in ("images", "thumbnails")
            for path in (self.data / place).rglob("*")
            if not path.is_dir()
        }

    def is_whole(self) -> bool:
        """Tell whether rows and files are one to one, and files what they are named."""
        named = {
            path
            for row in self.rows(
                "select path, thumbnail_path from images"
                " union select path, thumbnail_path from image_versions"
            )
            for path in row
            if path
        }
        sums = all(
            hashlib.sha256((self.data / path).read_bytes()).hexdigest() in path
            for path in named
            if path.startswith("images")
        )
        return named == self.files() and sums


def _unpublished(run: Run, steps: Steps) -> None:
    refresh.read_sources(run, steps)
    if run.job.with_pages:
        refresh.fetch_pages(run, steps)
    refresh.fetch_images(run, steps)


@pytest.fixture
def cache(tmp_path: Path, site: Site) -> Cache:
    """A hub without articles, and a site without files."""
    return Cache(Hub(tmp_path), site)


STATES = "select url, status, reason from images order by url"


def test_two_addresses_of_one_content_share_a_file(cache: Cache) -> None:
    cache.site.files |= {"/1.png": png("red"), "/2.png": png("red")}
    cache.show("/1.png", "/2.png")

    summary = cache.run()

    assert (summary["images_due"], summary["images_cached"]) == (2, 2)
    assert len(cache.files()) == 2  # the image and its thumbnail
    assert cache.rows("select count(distinct path), count(*) from images") == [(1, 2)]
    assert cache.is_whole()


def test_a_stage_alone_ends_unpublished_and_is_not_taken_for_killed(
    cache: Cache,
) -> None:
    assert cache.run(refresh.fetch_images)["status"] == "unpublished"
    cache.run(refresh.verify_images)

    statuses = cache.rows("select status, finished_at is null from runs")
    assert statuses == [("unpublished", False)] * 2


def test_nothing_of_an_address_becomes_a_path(cache: Cache) -> None:
    path = "/..%2f..%2fetc/passwd.html?x=/../../b.exe"
    cache.site.files[path] = png("red")
    cache.show(path)

    assert cache.run()["images_cached"] == 1
    (name,) = (name for name in cache.files() if name.startswith("images"))
    digest = hashlib.sha256(png("red")).hexdigest()
    assert name == f"images/{digest[:2]}/{digest}.png"


def test_what_is_unchanged_is_asked_for_with_validators(cache: Cache) -> None:
    cache.site.files["/1.png"] = png("red")
    cache.show("/1.png")
    cache.run()

    assert cache.run()["images_due"] == 0
    later = cache.run(moment=MOMENT + timedelta(days=34))

    assert (later["images_due"], later["images_cached"]) == (1, 1)
    assert cache.site.asked[-1] == ("/1.png", 304)
    assert cache.rows("select count(*) from image_versions") == [(1,)]


def test_a_copy_that_is_gone_is_asked_for_anew(cache: Cache) -> None:
    cache.site.files["/1.png"] = png("red")
    cache.show("/1.png")
    cache.run()
    for name in cache.files():
        (cache.data / name).unlink()

    cache.run(moment=MOMENT + timedelta(days=34))

    assert cache.site.asked[-1] == ("/1.png", 200)
    assert cache.is_whole()


def test_an_address_whose_content_changes_keeps_the_old_file(cache: Cache) -> None:
    cache.show("/1.png")
    months = [MOMENT + timedelta(days=34 * number) for number in range(4)]
    for moment, color in zip(months, ("red", "blue", "red", "red"), strict=True):
        cache.site.files["/1.png"] = png(color)
        cache.run(moment=moment)

    versions = cache.rows(
        "select sha256, first_seen_at from image_versions order by first_seen_at"
    )
    sums = [hashlib.sha256(png(color)).hexdigest() for color in ("red", "blue", "red")]
    assert [sha256 for sha256, _ in versions] == sums
    assert [moment for _, moment in versions] == months[:3]
    assert cache.rows("select sha256 from images") == [(sums[0],)]
    assert len(cache.files()) == 4
    assert cache.is_whole()


def test_an_image_that_fails_later_keeps_its_file_and_waits_longer(
    cache: Cache,
) -> None:
    cache.site.files["/1.png"] = png("red")
    cache.show("/1.png")
    cache.run()
    cache.site.files["/1.png"] = b"<!DOCTYPE html>gone"
    cache.run(moment=MOMENT + timedelta(days=34))
    asked = "select status, reason, failures, path is not null from images"
    assert cache.rows(asked) == [("rejected", "is HTML, not an image", 1, True)]

    cache.site.files.clear()
    cache.run(moment=MOMENT + timedelta(days=68))
    ((status, _, failures, is_kept),) = cache.rows(asked)
    assert (status, failures, is_kept) == ("failed", 2, True)
    assert cache.is_whole()


def test_images_of_a_host_that_rests_are_left_to_the_next_run(cache: Cache) -> None:
    """They are told in one line, counted, and come first the next time."""
    paths = [f"/{number}.png" for number in range(7)]
    cache.site.refusals = dict.fromkeys(paths, (500, ""))
    cache.show(*paths)
    cache.limits = {"rest_after_failures": 3, "per_host_concurrency": 1}

    first = cache.run()
    assert cache.fates(first) == (7, 0, 3, 4)
    why = "after 3 failures in a row, the last: answered 500 Internal Server Error"
    assert f"img.example rests {why}; 4 images deferred" in cache.said
    assert cache.said[-1] == "images: 0 cached, 3 failed or rejected, 4 deferred"
    states = cache.rows("select status, count(*) from images group by all order by all")
    assert states == [("due", 4), ("failed", 3)]

    cache.site.refusals.clear()
    cache.site.files = dict.fromkeys(paths, png("red"))
    second = cache.run(moment=MOMENT + timedelta(minutes=1))
    assert cache.fates(second) == (4, 4, 0, 0)


@pytest.mark.parametrize("as_date", [False, True])
def test_an_image_is_not_asked_for_before_its_host_wants_it(
    cache: Cache, *, as_date: bool
) -> None:
    """`Retry-After` is kept across runs; who asks for hours defers the others, too."""
    then = datetime.now(UTC) + timedelta(hours=2)
    again = format_datetime(then, usegmt=True) if as_date else "7200"
    cache.site.refusals["/busy.png"] = (503, again)
    cache.site.files["/other.png"] = png("red")
    cache.show("/busy.png", "/other.png")
    cache.limits = {"per_host_concurrency": 1}

    assert cache.fates(cache.run(moment=datetime.now(UTC))) == (2, 0, 1, 1)

    [(waits,)] = cache.rows(
        "select (next_check_at - checked_at) between interval 119 minutes"
        " and interval 125 minutes from images where status = 'failed'"
    )
    assert waits


def test_data_addresses_that_are_no_images_have_their_fate(cache: Cache) -> None:
    cut = base64.b64encode(png("red")[:50]).decode()
    bad = ["data:image/png;base64,!!!!", f"data:image/png;base64,{cut}", "data:none"]
    cache.hub.write(
        "a.md", webUrl="http://news.example/a", images=[{"url": url} for url in bad]
    )

    assert cache.fates(cache.run()) == (3, 0, 3, 0)

    states = dict(cache.rows("select url, (status, reason) from images"))
    assert states[bad[0]][0] == "failed"
    assert states[bad[0]][1].startswith("the data: address is not base64")
    assert states[bad[1]] == ("rejected", "is cut off")
    assert states[bad[2]] == (
        "failed",
        "'data:none' is not a data: address with a comma",
    )
    assert cache.fates(cache.run(moment=MOMENT + timedelta(days=1))) == (0, 0, 0, 0)


def test_what_is_fresh_is_neither_asked_for_nor_looked_at(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run costs one look into the tables: no request, no child, no file."""
    paths = [f"/{number}.png" for number in range(5)]
    cache.site.files = {path: striped(at) for at, path in enumerate(paths)}
    cache.show(*paths)
    cache.run()
    cache.site.asked.clear()
    touched: list[str] = []
    for name in ("stat", "lstat", "scandir", "listdir", "open"):
        _watch(monkeypatch, name, touched)
    _forbid(monkeypatch, "tasks.sandbox.Sandbox", "tasks.web.fetcher.Fetcher")
    statements: list[str] = []
    ask = Warehouse.ask

    def noted(warehouse: Warehouse, name: str, *rest: Any) -> list[tuple[Any, ...]]:
        statements.append(name)
        return ask(warehouse, name, *rest)

    monkeypatch.setattr(Warehouse, "ask", noted)

    later = cache.run(refresh.fetch_images, moment=MOMENT + timedelta(days=1))

    assert cache.fates(later) == (0, 0, 0, 0)
    assert cache.site.asked == []
    about_images = [name for name in statements if "image" in name]
    assert about_images == ["unknown_lead_images", "due_images"]
    assert touched
    assert not [path for path in touched if "images" in path or "thumbnails" in path]


def _watch(patch: pytest.MonkeyPatch, name: str, touched: list[str]) -> None:
    """Note which paths a function of `os` is called with."""
    function = getattr(os, name)

    def watched(path: Any = ".", *arguments: Any, **options: Any) -> Any:
        touched.append(str(path))
        return function(path, *arguments, **options)

    patch.setattr(os, name, watched)


def _forbid(patch: pytest.MonkeyPatch, *names: str) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("nothing is to be done")

    for name in names:
        patch.setattr(name, refuse)


def test_main_images_of_pages_are_due_images(cache: Cache) -> None:
    cache.site.files |= {"/a": PAGE, "/lead.png": png("red")}
    cache.hub.write("a.md", webUrl="http://news.example/a")

    cache.run(with_pages=True)

    lead = "http://news.example/lead.png"
    assert cache.rows(STATES) == [(lead, "cached", None)]
    assert cache.rows("from articles_without_image") == []


def test_images_of_providers_are_due_and_those_of_mere_mentions_are_not(
    cache: Cache,
) -> None:
    cache.site.files = {f"/{name}.png": png("red") for name in ("logo", "own", "other")}
    logo = [{"url": "http://img.example/logo.png"}]
    other = [{"url": "http://img.example/other.png"}]
    cache.hub.write(
        "a.md",
        webUrl="http://news.example/a",
        provider={"name": "News", "domain": "news.example", "images": logo},
        images=[{"url": "//img.example/own.png"}],
        related=[
            {"title": "b", "webUrl": "http://news.example/b", "images": other},
        ],
    )

    assert cache.fates(cache.run()) == (2, 2, 0, 0)

    states = cache.rows("select split_part(url, '/', 4), status from images order by 1")
    assert states == [
        ("logo.png", "cached"),
        ("other.png", "due"),
        ("own.png", "cached"),
    ]


def test_an_image_that_robots_forbid_is_not_asked_for(cache: Cache) -> None:
    """Images go through the same door as pages."""
    cache.site.files = {"/robots.txt": b"User-agent: *\nDisallow: /no", "/no.png": b""}
    cache.show("/no.png")

    assert cache.fates(cache.run()) == (1, 0, 1, 0)

    assert cache.site.asked == [("/robots.txt", 200)]
    [(status, reason)] = cache.rows("select status, reason from images")
    assert status == "failed"
    assert "robots.txt" in reason


def test_the_row_of_an_image_says_what_checking_it_found(cache: Cache) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo, moving = BytesIO(), BytesIO()
    Image.effect_noise((64, 48), 60).save(photo, "JPEG", exif=exif)
    frames = [Image.effect_noise((20, 10), 60) for _ in range(2)]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    contents = [photo.getvalue(), moving.getvalue()]
    cache.site.files = {"/photo.png": contents[0], "/still.jpg": contents[1]}
    cache.show(*cache.site.files)

    cache.run()

    names = (
        "mime_type width height size_bytes sha256 is_animated perceptual_hash"
        " dominant_color"
    ).split()
    rows = cache.rows(f"select {', '.join(names)} from images order by url")  # noqa: S608
    found = [check_image(content) for content in contents]
    assert rows == [tuple(getattr(image, name) for name in names) for image in found]
    assert [row[:3] for row in rows] == [
        ("image/jpeg", 48, 64),
        ("image/gif", 20, 10),
    ]
    assert [row[5] for row in rows] == [False, True]
    small = [each for (each,) in cache.rows("select thumbnail_path from images")]
    assert {(cache.data / path).read_bytes() for path in small} == {
        image.thumbnail for image in found if isinstance(image, CheckedImage)
    }


def test_an_image_that_is_too_much_for_its_child_costs_itself_alone(
    cache: Cache,
) -> None:
    large = BytesIO()
    Image.new("RGBA", (6_200, 6_200)).save(large, "PNG")
    cache.site.files = {"/large.png": large.getvalue(), "/small.png": png("red")}
    cache.show(*cache.site.files)
    cache.checks = {"memory_bytes": 150_000_000}

    assert cache.fates(cache.run()) == (2, 1, 1, 0)

    states = cache.rows("select status, reason from images order by url")
    assert states[1] == ("cached", None)
    assert states[0][0] == "rejected"
    assert "memory" in states[0][1]


def test_an_article_without_a_living_image_is_found(cache: Cache) -> None:
    cache.show("/gone.png")
    cache.hub.write("b.md")
    cache.run()

    found = "select title, images from articles_without_image order by title"
    assert cache.rows(found) == [("a", 1), ("b", 0)]
    cache.hub.remove("b.md")
    cache.run()
    assert cache.rows(found) == [("a", 1)]


def test_a_data_address_is_an_image_like_any_other(cache: Cache) -> None:
    import base64

    packed = base64.b64encode(png("red")).decode()
    urls = [f"data:image/png;base64,{packed}", "data:image/png;base64,AAAA", "data:x"]
    cache.hub.write("a.md", images=[{"url": url} for url in urls])

    cache.run()

    states = cache.rows("select status, reason from images order by status, reason")
    assert ("cached", None) in states
    assert ("rejected", "is not an image") in states
    assert [status for status, _ in states] == ["cached", "failed", "rejected"]
    assert cache.site.asked == []


def test_a_drawing_has_a_file_and_no_thumbnail(cache: Cache) -> None:
    cache.site.files["/a.svg"] = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    cache.show("/a.svg")

    cache.run()

    facts = (
        "select status, mime_type, width, perceptual_hash, thumbnail_path from images"
    )
    assert cache.rows(facts) == [("cached", "image/svg+xml", None, None, None)]
    assert cache.is_whole()
    assert cache.verify() == []


def test_a_declared_size_that_is_not_true_is_found(cache: Cache) -> None:
    for path in ("/same.png", "/half.png", "/wide.png"):
        cache.site.files[path] = png("red")
    images = [
        {"url": "http://img.example/same.png", "width": 60, "height": 40},
        {"url": "http://img.example/half.png", "width": 120, "height": 80},
        {"url": "http://img.example/wide.png", "width": 120, "height": 40},
    ]
    cache.hub.write("a.md", images=images)

    cache.run()

    found = cache.rows(
        "select url, width_ratio, height_ratio, is_other_shape"
        " from image_mismatch order by url"
    )
    assert found == [
        ("http://img.example/half.png", 0.5, 0.5, False),
        ("http://img.example/wide.png", 0.5, 1.0, True),
    ]


def scene(size: tuple[int, int], seed: int, quality: int = 90) -> bytes:
    """Draw some blurred picture that *seed* alone decides on."""
    import random

    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    coarse = Image.frombytes("RGB", (8, 6), chance.randbytes(8 * 6 * 3))
    buffer = BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def test_images_that_look_alike_are_found(cache: Cache) -> None:
    cache.site.files |= {
        "/a.jpg": scene((600, 450), 1),
        "/same.jpg": scene((600, 450), 1),
        "/smaller.jpg": scene((320, 240), 1, quality=40),
        **{f"/other-{seed}.jpg": scene((600, 450), seed) for seed in range(2, 12)},
    }
    cache.show(*cache.site.files)

    cache.run()

    pairs = cache.rows(
        "select split_part(url, '/', 4), split_part(other_url, '/', 4), is_same_file"
        " from image_duplicates"
    )
    found = {(frozenset(pair), same) for *pair, same in pairs}
    assert len(pairs) == 2
    assert found == {
        (frozenset({"a.jpg", "same.jpg"}), True),
        (frozenset({"a.jpg", "smaller.jpg"}), False),
    }


def test_each_image_that_has_a_twin_is_in_a_pair_and_not_with_all_of_them() -> None:
    """A file at many addresses, and its copies in other files, are no n by n pairs."""
    view = Path("tasks/sql/views/image_duplicates.sql").read_text(encoding="utf-8")
    look, near = 0x0F0F_1234_5678_9ABC, 0x0F0F_1234_5678_9ABF
    kept = [(f"a{n:03}", "logo", look) for n in range(100)]
    kept += [(f"b{n:03}", f"copy {n}", look) for n in range(100)]
    kept += [(f"c{n:03}", "near", near) for n in range(100)]
    kept += [("d", "plain", 1 << 63), ("e", "as plain", 1 << 63)]
    with duckdb.connect() as connection:
        connection.execute(
            "create table images (image_id integer, url varchar, status varchar,"
            " sha256 varchar, perceptual_hash ubigint)"
        )
        connection.executemany(
            "insert into images values (?, ?, 'cached', ?, ?)",
            [[n, *image] for n, image in enumerate(kept)],
        )
        connection.execute(view)
        found = connection.execute(
            "select url, other_url, distance, is_same_file from image_duplicates"
        ).fetchall()

    assert sorted(found) == sorted(
        [("a000", f"a{n:03}", 0, True) for n in range(1, 100)]
        + [("a000", f"b{n:03}", 0, False) for n in range(100)]
        + [("c000", f"c{n:03}", 0, True) for n in range(1, 100)]
        + [("a000", "c000", 2, False)]
    )


def test_duplicates_found_by_parts_are_those_of_comparing_all(cache: Cache) -> None:
    import random

    chance = random.Random(3)  # noqa: S311 - repeatable, no secret
    cache.hub.write("a.md")
    cache.run()
    first = [chance.getrandbits(64) for _ in range(40)]
    near = [
        value ^ sum(1 << bit for bit in chance.sample(range(64), chance.randrange(9)))
        for value in first * 5
    ]
    hashes = sorted({*first, *near})
    view = Path("tasks/sql/views/image_duplicates.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(
            "create table images (image_id integer, url varchar, status varchar,"
            " sha256 varchar, perceptual_hash ubigint)"
        )
        connection.executemany(
            "insert into images values (?, ?, 'cached', ?, ?)",
            [[n, f"{n:04}", f"{n:04}", value] for n, value in enumerate(hashes)],
        )
        connection.execute(view)
        found = connection.execute(
            "select least(url, other_url), greatest(url, other_url), distance"
            " from image_duplicates order by all"
        ).fetchall()

    expected = [
        (f"{one:04}", f"{other:04}", distance)
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if (distance := (hashes[one] ^ hashes[other]).bit_count()) <= 6
    ]
    assert len(expected) > 100
    assert found == sorted(expected)


# --- verify ---------------------------------------------------------------------


@pytest.fixture
def filled(cache: Cache) -> Cache:
    """Three images, cached."""
    cache.site.files |= {f"/{n}.png": striped(n) for n in range(3)}
    cache.show(*cache.site.files)
    cache.run()
    return cache


def image_paths(cache: Cache) -> list[str]:
    return sorted(name for name in cache.files() if name.startswith("images"))


def test_a_sound_cache_is_left_alone(filled: Cache) -> None:
    before = {name: (filled.data / name).stat().st_ino for name in filled.files()}

    assert filled.verify() == []
    assert filled.said[-2:] != []
    assert "3 cached images verified" in " ".join(filled.said)
    assert before == {n: (filled.data / n).stat().st_ino for n in filled.files()}
    assert len(filled.site.asked) == 4  # robots.txt and the three images


def test_what_is_missing_or_changed_is_named_and_fetched_again(filled: Cache) -> None:
    missing, flipped, shorter = image_paths(filled)
    (filled.data / missing).unlink()
    content = bytearray((filled.data / flipped).read_bytes())
    content[len(content) // 2] ^= 1  # of the same size
    (filled.data / flipped).write_bytes(content)
    (filled.data / shorter).write_bytes(b"short")

    found = filled.verify()

    assert set(found) == {
        f"{missing} is missing",
        f"{flipped} is changed",
        f"{shorter} is changed",
    }
    assert filled.is_whole()
    assert {status for _, status, _ in filled.rows(STATES)} == {"cached"}
    assert (filled.data / "set-aside" / flipped).read_bytes() == bytes(content)
    assert filled.verify() == []


def test_what_is_lost_and_not_to_be_had_is_no_longer_cached(filled: Cache) -> None:
    lost = image_paths(filled)[0]
    (filled.data / lost).unlink()
    filled.site.files.clear()

    assert filled.verify() == [f"{lost} is missing"]

    states = filled.rows("select status, path is null from images order by status")
    assert states == [("cached", False), ("cached", False), ("failed", True)]
    assert filled.is_whole()
    assert filled.verify() == []


def test_an_old_version_that_is_lost_stays_known(filled: Cache) -> None:
    (old,) = filled.rows("select path from images where url like '%/0.png'")[0]
    filled.site.files["/0.png"] = striped(9)
    filled.run(moment=MOMENT + timedelta(days=34))
    (filled.data / old).unlink()

    assert filled.verify() == [f"{old} is missing"]

    lost = "select count(*) from image_versions where path is null"
    assert filled.rows(lost) == [(1,)]
    assert filled.is_whole()


def test_a_version_that_comes_again_has_its_file_again(filled: Cache) -> None:
    lost = image_paths(filled)[0]
    (filled.data / lost).unlink()
    filled.verify()

    assert filled.rows("select count(*), count(path) from image_versions") == [(3, 3)]


@pytest.mark.parametrize("damage", ["missing", "torn", "a folder's link"])
def test_a_thumbnail_is_made_again_without_asking_anybody(
    filled: Cache, damage: str
) -> None:
    name = max(filled.files())  # of a thumbnail
    path = filled.data / name
    content = path.read_bytes()
    path.unlink()
    if damage == "torn":
        path.write_bytes(content[:-1])
    elif damage == "a folder's link":
        path.symlink_to(filled.data)
    asked = len(filled.site.asked)

    word = "missing" if damage == "missing" else "changed"
    assert filled.verify() == [f"{name} is {word}"]

    assert path.read_bytes() == content
    assert len(filled.site.asked) == asked
    assert filled.verify() == []


def test_what_no_row_names_is_set_aside_and_never_followed(filled: Cache) -> None:
    images = filled.data / "images"
    secret = filled.data / "secret"
    secret.mkdir()
    (secret / "keep.txt").write_text("mine")
    (images / "note.txt").write_text("hello")
    (images / "link").symlink_to(secret)
    os.mkfifo(images / "pipe")
    torn = images / "aa"
    torn.mkdir(exist_ok=True)
    (torn / ".x.part").write_text("half")

    found = filled.verify()

    assert set(found) == {
        "images/aa/.x.part is foreign",
        "images/link is foreign",
        "images/note.txt is foreign",
        "images/pipe is foreign",
    }
    assert filled.is_whole()
    assert (filled.data / "set-aside/images/note.txt").read_text() == "hello"
    assert not (filled.data / "set-aside/images/aa/.x.part").exists()
    assert (secret / "keep.txt").read_text() == "mine"


def test_a_pipe_in_the_place_of_an_image_is_not_read(filled: Cache) -> None:
    name = image_paths(filled)[0]
    (filled.data / name).unlink()
    os.mkfifo(filled.data / name)

    assert filled.verify() == [f"{name} is changed"]
    assert filled.is_whole()


# --- prune ----------------------------------------------------------------------


def command(cache: Cache, *arguments: str) -> tuple[int, str]:
    """Call the command on the cache's data directory, with nobody at the keyboard."""
    call = ["images", "--data", str(cache.data), *arguments]
    program = "from flows.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *call],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def clutter(cache: Cache) -> None:
    (cache.data / "images" / "note.txt").write_text("hello")
    aside = cache.data / "set-aside" / "images"
    aside.mkdir(parents=True)
    (aside / "old.png").write_text("old")


def test_pruning_says_what_and_how_much_and_removes_nothing_unasked(
    filled: Cache,
) -> None:
    clutter(filled)
    before = filled.files()

    status, said = command(filled, "--prune")

    assert status == 2
    assert "images/note.txt" in said
    assert "set-aside/images/old.png" in said
    assert "2 files that no row names, 8 bytes" in said
    assert "--yes" in said
    assert filled.files() == before


def test_pruning_removes_what_no_row_names(filled: Cache) -> None:
    clutter(filled)

    status, said = command(filled, "--prune", "--yes")

    assert status == 0
    assert "2 files removed" in said
    assert filled.is_whole()
    assert not list((filled.data / "set-aside").rglob("*.*"))
    assert "0 files that no row names" in command(filled, "--prune", "--yes")[1]


def test_pruning_keeps_the_files_of_earlier_contents(filled: Cache) -> None:
    filled.site.files["/0.png"] = striped(9)
    filled.run(moment=MOMENT + timedelta(days=34))
    before = filled.files()
    assert len(before) == 8

    command(filled, "--prune", "--yes")

    assert filled.files() == before
