"""Batches of pages and images: routes, tries, turns and what is handed on."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tasks.models import ImageRequest, Outcome, PageRequest, Response, Rest, Via
from tasks.settings import FetchSettings
from tasks.web import politeness
from tasks.web.fetcher import MAX_UNTAKEN_BYTES, Fetcher, Job
from tasks.web.pages import PAGE_BYTES, KeepPage, PageJob, image_job, page_job
from tasks.web.tries import MAX_WAIT_SECONDS, wait_before_next
from tests.origin import PAGE, Handler, Origin, open_origin, settings_for

Row = tuple[PageRequest, Via, str, datetime, Response]
ROUTES: tuple[Via, ...] = ("origin", "amp", "cdn_amp", "archive")


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return a server that nobody has asked yet."""
    with open_origin() as origin:
        yield origin


def page(*urls: str, attempt: int = 1, **validators: Any) -> PageRequest:
    """Return a page that is due, its addresses by the routes in order."""
    addresses = tuple(zip(ROUTES, urls, strict=False))
    return PageRequest(UUID(int=len(urls)), addresses, attempt, **validators)


def image(url: str) -> ImageRequest:
    """Return an image that is due."""
    return ImageRequest(UUID(int=7), url, '"bees"')


def fetch(origin: Origin, requests: list[PageRequest], **changes: Any) -> list[Row]:
    """Fetch pages and return all that was handed on."""
    rows: list[Row] = []
    fetch_into(lambda *row: rows.append(row), origin, requests, **changes)
    return rows


def fetch_into(
    keep: KeepPage, origin: Origin, requests: list[PageRequest], **changes: Any
) -> None:
    """Fetch pages and hand each answer to *keep*."""
    do_pages(requests, settings_for(origin, **changes), keep)


def do_pages(
    requests: list[PageRequest], settings: FetchSettings, keep: KeepPage
) -> dict[Rest, int]:
    """Fetch pages; return for whose rest how many were deferred."""
    jobs = [page_job(each, settings, keep, lambda _: None) for each in requests]
    return do(jobs, settings)


def do(jobs: Sequence[Job], settings: FetchSettings) -> dict[Rest, int]:
    """Do *jobs*, with the shortest waits that chance can give."""
    with closing(Fetcher(settings, draw=lambda: 0.0)) as fetcher:
        fetcher.begin(jobs)
        fetcher.finish()
        return fetcher.take_deferred()


def outcomes(rows: list[Row]) -> list[tuple[Via, Outcome]]:
    """Return the route and outcome of each row."""
    return [(row[1], row[4].outcome) for row in rows]


def test_routes_are_tried_in_order_until_one_has_the_page(origin: Origin) -> None:
    """The archive is left alone, since the AMP cache answered."""
    request = page(
        "http://news.example/status/404",
        "http://amp.example/type/application/pdf",
        "http://cdn.example/page",
        "http://archive.example/page",
    )
    before = datetime.now(UTC)
    rows = fetch(origin, [request])

    assert outcomes(rows) == [
        ("origin", "http_error"),
        ("amp", "not_html"),
        ("cdn_amp", "ok"),
    ]
    assert [row[2] for row in rows] == [url for _, url in request.addresses[:3]]
    assert all(before <= row[3] <= datetime.now(UTC) for row in rows)
    assert rows[1][4].reason == "the answer is 'application/pdf', not HTML"
    assert (rows[1][4].body, rows[2][4].body) == (b"", PAGE)


def test_only_the_origin_is_asked_with_its_validators(origin: Origin) -> None:
    """Another route's copy knows nothing of them."""
    both = ("http://news.example/status/404", "http://amp.example/conditional")
    fetch(origin, [page(*both, etag='"bees"', last_modified="Mon, 01 Jun 2020")])
    [row] = fetch(origin, [page("http://news.example/conditional", etag='"bees"')])

    by_path = {asked.path: asked.headers for asked in origin.asked}
    assert by_path["/status/404"]["if-none-match"] == '"bees"'
    assert by_path["/status/404"]["if-modified-since"] == "Mon, 01 Jun 2020"
    amp = next(a.headers for a in origin.asked if a.host == "amp.example")
    assert "if-none-match" not in amp
    assert row[4].outcome == "not_modified"


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("text/html; charset=latin-1", "ok"),
        ("TEXT/HTML", "ok"),
        ("application/xhtml+xml", "ok"),
        ("application/octet-stream", "ok"),
        ("", "ok"),
        ("text/plain", "not_html"),
        ("application/json", "not_html"),
        ("image/png", "not_html"),
    ],
)
def test_a_page_is_html_by_its_type_or_its_start(
    origin: Origin, kind: str, outcome: Outcome
) -> None:
    """The page of the test server begins with a doctype."""
    [row] = fetch(origin, [page(f"http://news.example/type/{kind}")])
    assert row[4].outcome == outcome


def test_passing_faults_are_tried_again_and_each_try_is_a_row(origin: Origin) -> None:
    """`attempt` counts on from the one given."""
    request = page("http://news.example/once-busy/1", attempt=4)
    started = time.monotonic()
    rows = fetch(origin, [request], attempts=3)

    assert outcomes(rows) == [("origin", "http_error"), ("origin", "ok")]
    assert [row[0].attempt for row in rows] == [4, 5]
    assert rows[0][0].article_id == rows[1][0].article_id
    # The server asked for a second, which is longer than our own wait.
    assert 1.0 <= time.monotonic() - started < 2.5


def test_who_used_up_the_time_is_not_asked_again(origin: Origin) -> None:
    """The deadline is one for all tries, so that a run knows when it ends."""
    request = page("http://mute.example/silent/9")

    rows = fetch(origin, [request], attempts=3, total_seconds=0.3)

    assert outcomes(rows) == [("origin", "timeout")]
    assert rows[0][4].reason == "no answer from mute.example:80 within 0.3 s"


def test_another_try_has_what_the_first_one_left(origin: Origin) -> None:
    def answer(it: Handler) -> None:
        tries = sum(a.host == "slow.example" for a in origin.asked) - 1  # robots.txt
        time.sleep(0.4 if tries == 1 else 9.0)
        it.raw(b"")

    origin.hosts["slow.example"] = answer

    rows = fetch(origin, [page("http://slow.example/")], attempts=2, total_seconds=1.0)

    assert outcomes(rows) == [("origin", "connection_error"), ("origin", "timeout")]
    words = r"no answer from slow\.example:80 within 0\.[1-6] s"
    assert re.fullmatch(words, rows[1][4].reason)


def test_lasting_faults_are_not_tried_again(origin: Origin) -> None:
    """404 will be 404 in a second."""
    urls = ["status/404", "junk/text", "circle", "declared/9", "coded/br"]
    requests = [page(f"http://h{n}.example/{u}") for n, u in enumerate(urls)]
    rows = fetch(origin, requests, attempts=3)

    assert len(rows) == len(urls)


NOW = datetime(2020, 6, 11, 12, tzinfo=UTC)


def busy(status: int, retry_after: str = "") -> Response:
    """Return the answer of a busy server."""
    headers = ((b"Retry-After", retry_after.encode()),) if retry_after else ()
    return Response("u", "u", "http_error", "busy", 1, status, headers)


@pytest.mark.parametrize(
    ("response", "number", "seconds"),
    [
        (busy(404), 0, None),
        (busy(503), 0, 1.0),
        (busy(503), 1, 4.0),
        (busy(500), 9, MAX_WAIT_SECONDS),
        (busy(429, "5"), 0, 5.0),
        (busy(429, "0"), 0, 1.0),
        (busy(429, "3600"), 0, None),
        (busy(503, "Thu, 11 Jun 2020 12:00:07 GMT"), 0, 7.0),
        (busy(503, "Thu, 11 Jun 2020 11:00:00 GMT"), 0, 1.0),
        (busy(503, "Fri, 12 Jun 2020 12:00:00 -0000"), 0, None),
        (busy(503, "soon"), 0, 1.0),
        (Response("u", "u", "timeout", "", 1), 0, 1.0),
        (Response("u", "u", "connection_error", "", 1), 0, 1.0),
        (Response("u", "u", "tls_error", "", 1), 0, None),
        (Response("u", "u", "ok", "", 1), 0, None),
    ],
)
def test_the_wait_before_another_try(
    response: Response, number: int, seconds: float | None
) -> None:
    """It grows, obeys the server, and is never long."""
    assert wait_before_next(response, number, 0.5, NOW) == seconds


def test_never_more_at_once_than_allowed_as_the_host_sees_it(origin: Origin) -> None:
    """Redirects into a host count like any request to it."""
    requests = [page(f"http://slow.example/silent/0.05?{n}") for n in range(8)]
    requests += [
        page(f"http://h{n}.example/redirect/http://slow.example/silent/0.05?r{n}")
        for n in range(4)
    ]
    fetch(origin, requests, per_host_concurrency=2)

    assert origin.most_at_once["slow.example"] == 2
    assert sum(a.host == "slow.example" for a in origin.asked) == 13


def test_the_pause_between_requests_is_kept(origin: Origin) -> None:
    """Three requests to a host, robots.txt being one: two pauses."""
    requests = [page(f"http://news.example/page?{n}") for n in range(2)]
    started = time.monotonic()
    fetch(origin, requests, per_host_delay_seconds=0.2)

    assert time.monotonic() - started >= 0.4


def test_one_dead_host_delays_nobody(origin: Origin) -> None:
    """The others are handed on while it is still silent."""
    requests = [page("http://dead.example/silent/1")]
    requests += [page(f"http://h{n}.example/page") for n in range(20)]
    rows = fetch(origin, requests, total_seconds=0.8)

    assert [row[4].outcome for row in rows] == ["ok"] * 20 + ["timeout"]


def _forbid(it: Handler) -> None:
    it.say(200, b"User-agent: *\nDisallow: /private\n", Content_Type="text/plain")


def _broken(it: Handler) -> None:
    it.say(503)


def _elsewhere(it: Handler) -> None:
    it.say(301, Location="http://strict.example/robots.txt")


def test_robots_are_asked_first_and_obeyed(origin: Origin) -> None:
    """Also by redirects, also when the file lies elsewhere or cannot be had."""
    origin.robots = {
        "strict.example": _forbid,
        "broken.example": _broken,
        "moved.example": _elsewhere,
    }
    urls = {
        "http://strict.example/page": "ok",
        "http://strict.example/private": "robots_disallowed",
        "http://moved.example/private": "robots_disallowed",
        "http://broken.example/page": "robots_disallowed",
        "http://none.example/private": "ok",
        "http://b.example/redirect/http://strict.example/private": "robots_disallowed",
        "http://gone.invalid/": "dns_error",
    }
    found = {row[2]: row[4] for row in fetch(origin, [page(url) for url in urls])}

    assert {url: r.outcome for url, r in found.items()} == urls
    assert found["http://broken.example/page"].reason == (
        "robots.txt could not be read: answered 503 Service Unavailable"
    )
    assert ("strict.example", "/private") not in {
        (a.host, a.path) for a in origin.asked
    }
    assert sum(a.path == "/robots.txt" for a in origin.asked) == 6


def test_a_robots_file_is_tried_again_like_a_page(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One passing fault does not cost the whole host."""
    monkeypatch.setattr(politeness, "SLOW_SECONDS", 0.01)
    answers = [_forbid, _broken]

    def waver(it: Handler) -> None:
        answers.pop()(it)

    origin.robots = {"news.example": waver}
    rows = fetch(origin, [page("http://news.example/page")], attempts=2)

    assert outcomes(rows) == [("origin", "ok")]


def test_robots_can_be_left_unasked(origin: Origin) -> None:
    """For an archive of one's own pages."""
    origin.robots = {"news.example": _forbid}
    rows = fetch(origin, [page("http://news.example/private")], respect_robots=False)

    assert outcomes(rows) == [("origin", "ok")]
    assert [a.path for a in origin.asked] == ["/private"]


def test_answers_are_handed_on_in_the_thread_that_asked(origin: Origin) -> None:
    """The warehouse is for one thread alone."""
    seen = set()
    requests = [page(f"http://h{n}.example/page") for n in range(5)]
    fetch_into(lambda *_: seen.add(threading.get_ident()), origin, requests)

    assert seen == {threading.get_ident()}


def test_a_failure_to_keep_ends_the_batch_as_itself(origin: Origin) -> None:
    """A full disk is no outcome of a page."""

    def keep(*_row: object) -> None:
        msg = "no space left on device"
        raise OSError(msg)

    requests = [page(f"http://h{n}.example/page") for n in range(3)]
    with pytest.raises(OSError, match="no space left"):
        fetch_into(keep, origin, requests)


def test_images_are_handed_on_once_each(origin: Origin) -> None:
    """With their own limit, their validators, robots and tries."""
    origin.robots = {"strict.example": _forbid}
    urls = {
        "http://news.example/type/image/png": "ok",
        "http://a.example/conditional": "not_modified",
        "http://b.example/endless": "too_large",
        "http://c.example/status/500": "http_error",
        "http://strict.example/private": "robots_disallowed",
    }
    found: dict[str, Outcome] = {}

    def keep(request: ImageRequest, response: Response) -> None:
        assert request.url not in found
        found[request.url] = response.outcome

    settings = settings_for(origin, attempts=2)
    do([image_job(image(url), 5_000, keep) for url in urls], settings)

    assert found == urls
    assert origin.paths().count("/status/500") == 2
    assert origin.asked[-1].headers["accept"].startswith("image/avif")


def test_a_fetcher_that_is_closed_ends_at_once(origin: Origin) -> None:
    """Nobody is asked any more, and what was found can still be had."""
    rows: list[Row] = []
    urls = [f"http://news.example/silent/9?{n}" for n in range(50)]
    requests = [page("http://quick.example/page"), *map(page, urls)]
    settings = settings_for(origin)
    keep: KeepPage = lambda *row: rows.append(row)  # noqa: E731 - a list that is called
    jobs = [page_job(each, settings, keep, lambda _: None) for each in requests]
    with closing(Fetcher(settings)) as fetcher:
        fetcher.begin(jobs)
        wait_for(lambda: len(origin.paths()) == 2)
        time.sleep(0.1)
        started = time.monotonic()
        fetcher.close()
        fetcher.hand_on(0.0)

    assert time.monotonic() - started < 1.0
    assert outcomes(rows) == [("origin", "ok")]
    assert len(origin.paths()) == 2


def test_the_next_page_of_a_host_does_not_wait_for_the_archive(origin: Origin) -> None:
    """Nor for another host that the one before falls back to."""
    slow = "http://archive.example/silent/0.5"
    requests = [page(f"http://h.example/status/404?{n}", slow) for n in range(3)]
    requests.append(page("http://h.example/page"))
    rows = fetch(origin, requests)

    got = [row[2] for row in rows]
    assert got.index("http://h.example/page") < got.index(slow)


def test_what_waits_to_be_taken_is_bounded(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever keeps the answers may be slower than the network."""
    monkeypatch.setattr("tasks.web.fetcher.MAX_UNTAKEN_BYTES", 3 * len(PAGE))
    rows: list[Row] = []
    requests = [page(f"http://h.example/page?{n}") for n in range(20)]
    settings = settings_for(origin)
    keep: KeepPage = lambda *row: rows.append(row)  # noqa: E731 - a list that is called
    jobs = [page_job(each, settings, keep, lambda _: None) for each in requests]
    with closing(Fetcher(settings)) as fetcher:
        fetcher.begin(jobs)
        time.sleep(0.3)
        asked = len(origin.paths())
        fetcher.finish()

    assert asked < 5
    assert len(rows) == 20


def test_few_answers_wait_to_be_written_down_however_small(origin: Origin) -> None:
    """Whoever is killed meanwhile asks for them again."""
    most = MAX_UNTAKEN_BYTES // PAGE_BYTES + 8
    requests = [page(f"http://h{n % 8}.example/page?{n}") for n in range(2 * most)]
    settings = settings_for(origin, concurrency=8)
    ended: list[PageRequest] = []
    jobs = [page_job(r, settings, lambda *_: None, ended.append) for r in requests]
    with closing(Fetcher(settings)) as fetcher:
        fetcher.begin(jobs)
        wait_for(lambda: len(origin.paths()) >= most - 8)
        time.sleep(0.3)
        asked = len(origin.paths())
        fetcher.finish()

    assert asked <= most
    assert len(ended) == len(requests)


def test_what_is_held_counts_as_not_taken(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as images that are being checked, which take up memory till then."""
    monkeypatch.setattr("tasks.web.fetcher.MAX_UNTAKEN_BYTES", 3 * len(PAGE))
    rows: list[Row] = []
    held = [10 * len(PAGE)]
    settings = settings_for(origin)

    def keep(*row: Any) -> None:
        rows.append(row)
        fetcher.hold(sum(held))

    requests = [page(f"http://h.example/page?{n}") for n in range(20)]
    jobs = [page_job(each, settings, keep, lambda _: None) for each in requests]
    with closing(Fetcher(settings)) as fetcher:
        fetcher.begin(jobs)
        for _ in range(20):
            fetcher.hand_on(0.02)
        asked = len(origin.paths())
        fetcher.hold(-sum(held) * len(rows))
        held.clear()
        fetcher.finish()

    assert asked < 8, asked
    assert len(rows) == 20


def test_a_job_that_breaks_is_told_to_whoever_waits(origin: Origin) -> None:
    """A bug must end the run, not leave it waiting for ever."""

    class Broken(PageJob):
        async def work(self, *_: object) -> None:
            raise KeyError

    request = page("http://news.example/page")
    settings = settings_for(origin)
    job = Broken("h.example", request, settings, lambda *_: None, lambda _: None)
    with pytest.raises(KeyError):
        do([job], settings)


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once *condition* holds."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_that_asks_for_patience_gets_it(origin: Origin) -> None:
    """A wait longer than ours is left to the next run."""
    until = datetime.now(UTC) + timedelta(seconds=MAX_WAIT_SECONDS + 60)
    url = f"http://news.example/once-busy/{until:%a, %d %b %Y %H:%M:%S} GMT"
    rows = fetch(origin, [page(url)], attempts=5)

    assert outcomes(rows) == [("origin", "http_error")]


@pytest.mark.parametrize("url", ["http://[127.0.0.1]/", "http://[::1", "//", "", "\0"])
def test_an_image_whose_address_is_none_is_told_so(origin: Origin, url: str) -> None:
    """Whatever a library thinks of it; the others are fetched."""
    found: list[Response] = []
    jobs = [
        image_job(image(each), 5_000, lambda _, answer: found.append(answer))
        for each in (url, "http://news.example/page")
    ]
    do(jobs, settings_for(origin))

    assert sorted(response.outcome for response in found) == ["bad_url", "ok"]
