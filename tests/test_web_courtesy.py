"""Politeness as the hosts see it: what a server's own log says of us."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tasks.models import PageRequest, Response, Rest, Via
from tasks.web import politeness, tries
from tasks.web.pages import image_job
from tests.origin import PAGE, Handler, Origin, open_origin, settings_for
from tests.test_web_pages import do, do_pages, image, page

Row = tuple[PageRequest, Via, str, Any, Response]


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """Return a server that nobody has asked yet, and that recovers in no time."""
    monkeypatch.setattr(tries, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(politeness, "SLOW_SECONDS", 0.01)
    with open_origin() as origin:
        yield origin


def fetch(
    origin: Origin, requests: list[PageRequest], **changes: Any
) -> tuple[list[Row], dict[Rest, int]]:
    """Fetch pages; return all that was handed on, and what was deferred."""
    rows: list[Row] = []
    settings = settings_for(origin, **changes)
    deferred = do_pages(requests, settings, lambda *row: rows.append(row))
    return rows, deferred


def arrivals(origin: Origin) -> dict[str, list[float]]:
    """Return when requests arrived, by host, which `www.` makes no other."""
    found: dict[str, list[float]] = defaultdict(list)
    for asked in origin.asked:
        found[asked.host.removeprefix("www.")].append(asked.at)
    return found


def allow(it: Handler) -> None:
    """Let us in, from another host's file."""
    it.say(302, Location="http://c.example/robots.txt")


DELAY = 0.04


@pytest.mark.parametrize("most", [1, 2])
def test_no_host_sees_more_requests_than_allowed_whatever_leads_there(
    origin: Origin, most: int
) -> None:
    """Pages, retries, redirects, AMP, archive and robots.txt count alike."""
    origin.robots["b.example"] = allow
    requests = [page(f"http://a.example/silent/0.01?{n}") for n in range(4)]
    requests += [page(f"http://www.a.example/page?{n}") for n in range(3)]
    requests += [page(f"http://b.example/status/500?{n}") for n in range(3)]
    requests += [
        page(
            f"http://b.example/redirect/http://a.example/page?r{n}",
        )
        for n in range(3)
    ]
    requests += [
        page(f"http://c.example/status/404?{n}", f"http://a.example/page?amp{n}")
        for n in range(3)
    ]
    origin.hosts["save.example"] = lambda it: it.say(200 if "d1" in it.path else 404)
    requests += [
        page(
            f"http://d{n}.example/status/404?{n}",
            f"http://d{n}.example/status/410?{n}",
            f"http://a.example/status/404?cdn{n}",
            f"http://save.example/http://d{n}.example/{n}",
        )
        for n in range(4)
    ]
    rows, deferred = fetch(
        origin,
        requests,
        attempts=2,
        per_host_delay_seconds=DELAY,
        per_host_concurrency=most,
    )

    asked = arrivals(origin)
    # The pages of `a` with and without www, those led there, and two robots.txt.
    assert len(asked["a.example"]) == 4 + 3 + 3 + 3 + 4 + 2
    assert len(asked["b.example"]) == 2 * 3 + 3 + 1
    assert len(asked["c.example"]) == 3 + 2
    assert len(asked["save.example"]) == 4 + 1
    assert not deferred
    assert len(rows) == 4 + 3 + 6 + 3 + 6 + 4 * 4
    assert max(origin.most_at_once.values()) <= most
    for moments in asked.values():
        if most == 1:  # each pause begins when the server has answered
            assert all(b - a >= DELAY for a, b in pairwise(moments))
        # However many at once, and whatever the network does on the way.
        longest = (len(moments) - 1) * DELAY
        assert moments[-1] - moments[0] >= longest - DELAY / 2


def test_a_crawl_delay_is_kept(origin: Origin) -> None:
    """Over the delay of our own, which is shorter."""
    origin.robots["news.example"] = lambda it: it.say(
        200, b"User-agent: *\nCrawl-delay: 0.2", Content_Type="text/plain"
    )
    fetch(origin, [page(f"http://news.example/page?{n}") for n in range(3)])

    first, *others = [a.at for a in origin.asked if a.path != "/robots.txt"]
    assert all(b - a >= 0.2 for a, b in pairwise([first, *others]))


def test_a_short_retry_after_holds_all_pages_of_the_host(origin: Origin) -> None:
    """Not only the one that was told."""
    requests = [page("http://news.example/once-busy/1")]
    requests += [page(f"http://www.news.example/page?{n}") for n in range(3)]
    rows, deferred = fetch(origin, requests, attempts=2)

    paths = origin.paths()
    busy = next(a for a in origin.asked if a.path.startswith("/once-busy"))
    after = [a.at for a in origin.asked if a.at > busy.at]
    assert not deferred
    assert paths.count("/once-busy/1") == 2
    assert Counter(row[4].outcome for row in rows) == {"ok": 4, "http_error": 1}
    assert all(at - busy.at >= 1.0 for at in after[1:])


def test_after_the_last_try_nobody_waits_unless_the_host_asked(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait is for another try; a host that names one itself is obeyed."""
    monkeypatch.setattr(tries, "FIRST_WAIT_SECONDS", 60.0)
    requests = [
        page("http://broken.example/status/500"),
        page("http://broken.example/page"),
        page("http://busy.example/once-busy/1"),
        page("http://busy.example/page"),
    ]
    rows, _ = fetch(origin, requests, attempts=1, per_host_concurrency=1)

    first, second = arrivals(origin)["broken.example"][-2:]
    assert second - first < tries.MAX_WAIT_SECONDS / 2
    first, second = arrivals(origin)["busy.example"][-2:]
    assert second - first >= 1.0
    assert Counter(row[4].outcome for row in rows) == {"ok": 2, "http_error": 2}


def test_a_long_retry_after_ends_the_hosts_part_in_the_run(origin: Origin) -> None:
    """Its other pages are deferred; who is led there is told, and asks elsewhere."""
    requests = [page("http://news.example/once-busy/3600")]
    requests += [page(f"http://news.example/page?{n}") for n in range(5)]
    led = "http://b.example/redirect/http://news.example/page"
    requests += [page(led, "http://b.example/page?amp")]
    rows, deferred = fetch(origin, requests, attempts=3, per_host_delay_seconds=0.05)

    [rest] = deferred
    [busy, *others] = sorted(
        rows, key=lambda row: row[2] != requests[0].addresses[0][1]
    )
    assert (busy[4].outcome, busy[4].status_code) == ("http_error", 503)
    # So whoever leads there is not asked again by each run.
    assert [(row[1], row[4].outcome, row[4].status_code) for row in others] == [
        ("origin", "http_error", 503),
        ("amp", "ok", 200),
    ]
    assert others[0][4].reason == f"not asked: {rest.reason}"
    assert [each.url for each in others[0][4].exchanges] == [led]
    assert [a.path for a in origin.asked if a.host == "news.example"] == [
        "/robots.txt",
        "/once-busy/3600",
    ]
    assert deferred[rest] == 5
    assert (rest.host, rest.outcome, rest.status_code) == (
        "news.example",
        "http_error",
        503,
    )
    words = "news.example answered 503 Service Unavailable and asked for rest until 20"
    assert rest.reason.startswith(words)


@pytest.mark.parametrize("path", ["status/500", "junk/nothing", "silent/1"])
def test_a_host_that_only_fails_is_asked_ten_times(origin: Origin, path: str) -> None:
    """Then its other pages are deferred; other hosts go on."""
    requests = [page(f"http://ill.example/{path}?{n}") for n in range(30)]
    requests += [page(f"http://well.example/page?{n}") for n in range(30)]
    rows, deferred = fetch(origin, requests, attempts=2, total_seconds=0.15)

    [rest] = deferred
    hosts = Counter(a.host for a in origin.asked if a.path != "/robots.txt")
    assert hosts["ill.example"] == 10
    assert hosts["well.example"] == 30
    asked = {row[2] for row in rows if "ill.example" in row[2]}
    assert deferred[rest] == 30 - len(asked)
    assert Counter(row[2].split("/")[2] for row in rows) == hosts


def test_missing_pages_are_no_fault_of_the_host(origin: Origin) -> None:
    """A paper that lost its archive is not ill."""
    requests = [page(f"http://news.example/status/404?{n}") for n in range(30)]
    rows, deferred = fetch(origin, requests)

    assert (len(rows), deferred) == (30, {})


@pytest.mark.parametrize(
    "host", ["gone.invalid", "dead.example"], ids=["no such host", "nobody listens"]
)
def test_a_host_out_of_reach_costs_one_question(origin: Origin, host: str) -> None:
    """Each page is told the same, without a retry."""
    requests = [page(f"http://{host}/{n}") for n in range(20)]
    connect_to = {"dead.example": "127.0.0.1:1", "*.example": origin.address}
    rows, deferred = fetch(origin, requests, connect_to=connect_to, attempts=2)

    assert not deferred
    assert len(rows) == 20
    assert {row[4].reason.partition(": ")[0] for row in rows} == {
        "robots.txt could not be read"
    }
    assert {row[4].exchanges for row in rows} == {()}


@pytest.mark.parametrize("respect_robots", [True, False])
def test_a_name_that_does_not_exist_says_nothing_of_its_twin(
    origin: Origin,
    respect_robots: bool,  # noqa: FBT001 - a column
) -> None:
    """Old sites are known with `www.` alone, or without it alone."""
    requests = [page(f"http://bare.invalid/{n}") for n in range(3)]
    requests += [page(f"http://www.bare.invalid/{n}") for n in range(3)]
    rows, _ = fetch(
        origin,
        requests,
        connect_to={"www.bare.invalid": origin.address},
        respect_robots=respect_robots,
    )

    found = Counter((row[2].split("/")[2], row[4].outcome) for row in rows)
    assert found == {("bare.invalid", "dns_error"): 3, ("www.bare.invalid", "ok"): 3}


def test_a_fallback_whose_host_rests_is_a_row_of_its_own(origin: Origin) -> None:
    """So that the page is due again soon, and everybody can see why."""
    origin.hosts["archive.example"] = lambda it: it.say(500)
    requests = [
        page(
            f"http://news.example/status/404?{n}",
            f"http://amp.example/status/404?{n}",
            f"http://cdn.example/status/404?{n}",
            f"http://archive.example/{n}",
        )
        for n in range(5)
    ]
    rows, deferred = fetch(origin, requests, rest_after_failures=3)

    saved = [row for row in rows if row[1] == "archive"]
    assert not deferred
    assert [row[4].outcome for row in saved] == ["http_error"] * 5
    assert [row[4].status_code for row in saved] == [500] * 5
    assert sum(a.path != "/robots.txt" for a in _of(origin, "archive.example")) == 3
    assert saved[-1][4].reason == (
        "not asked: archive.example rests after 3 failures in a row,"
        " the last: answered 500 Internal Server Error"
    )


def _of(origin: Origin, host: str) -> list[Any]:
    return [asked for asked in origin.asked if asked.host == host]


def test_images_of_a_host_that_rests_stay_due(origin: Origin) -> None:
    """They are not handed on."""
    found: list[Response] = []
    images = [image(f"http://ill.example/status/500?{n}") for n in range(9)]
    jobs = [
        image_job(each, 5_000, lambda _, answer: found.append(answer))
        for each in images
    ]
    do(jobs, settings_for(origin, rest_after_failures=2))

    assert [response.outcome for response in found] == ["http_error"] * 2


def test_robots_are_obeyed_on_each_hop(origin: Origin) -> None:
    """Three hosts, and the last one says no; its page is not asked for."""
    origin.robots["strict.example"] = lambda it: it.say(
        200, b"User-agent: wirehouse\nDisallow: /", Content_Type="text/plain"
    )
    last = "http://strict.example/page"
    url = f"http://a.example/redirect/http://b.example/redirect/{last}"
    [row], _ = fetch(origin, [page(url)], attempts=3)

    assert row[4].outcome == "robots_disallowed"
    assert row[4].reason == f"robots.txt of the host disallows {last}"
    assert [a.path for a in _of(origin, "strict.example")] == ["/robots.txt"]
    assert len(row[4].exchanges) == 2


def test_robots_that_cannot_be_had_are_asked_for_once_a_run(origin: Origin) -> None:
    """RFC 9309 forbids all then, of pages as of fallbacks there."""
    origin.robots["news.example"] = lambda it: it.say(500)
    requests = [
        page(f"http://news.example/{n}", f"http://news.example/amp/{n}")
        for n in range(4)
    ]
    rows, _ = fetch(origin, requests, attempts=2)

    assert [row[4].outcome for row in rows] == ["robots_disallowed"] * 8
    assert [a.path for a in origin.asked] == ["/robots.txt"] * 2  # one try more


def test_every_request_says_who_asks(origin: Origin) -> None:
    """Also for robots.txt, and after a redirect."""
    name = "Wirehouse/0.1 (+mailto:editor@news.example)"
    url = "http://a.example/redirect/http://b.example/page"
    fetch(origin, [page(url)], user_agent=name)

    assert [a.headers["user-agent"] for a in origin.asked] == [name] * 4


def test_tries_are_numbered_through_all_routes(origin: Origin) -> None:
    """The last number is the last that was known of a page."""
    request = page(
        "http://news.example/status/500",
        "http://amp.example/status/404",
        "http://cdn.example/page",
        attempt=7,
    )
    rows, _ = fetch(origin, [request], attempts=2)

    numbers = [(row[0].attempt, row[1], row[4].outcome) for row in rows]
    assert numbers == [
        (7, "origin", "http_error"),
        (8, "origin", "http_error"),
        (9, "amp", "http_error"),
        (10, "cdn_amp", "ok"),
    ]


def test_validators_are_sent_to_the_address_that_gave_them(origin: Origin) -> None:
    """A redirect that leads elsewhere now gets no 304 for what it never sent."""
    there = "http://b.example/conditional"
    url = f"http://a.example/redirect/{there}"
    known = page(url, etag='"bees"', validated_url=there)
    moved = page(url, etag='"bees"', validated_url="http://b.example/old")
    [same], _ = fetch(origin, [known])
    [other], _ = fetch(origin, [moved])

    assert (same[4].outcome, other[4].outcome) == ("not_modified", "ok")
    asked = [(a.host, "if-none-match" in a.headers) for a in origin.asked]
    assert [a for a in asked if a[1]] == [("b.example", True)]


def test_a_soft_404_moves_on_to_the_fallbacks(origin: Origin) -> None:
    """Its body is not handed on as a page, but the exchange is kept."""
    origin.hosts["news.example"] = lambda it: (
        it.say(302, Location="/") if len(it.path) > 1 else it.say(200, PAGE)
    )
    deep = "http://news.example/2020/06/bees-return"
    rows, _ = fetch(origin, [page(deep, "http://amp.example/page")])

    assert [(row[1], row[4].outcome) for row in rows] == [
        ("origin", "http_error"),
        ("amp", "ok"),
    ]
    lost = rows[0][4]
    assert lost.reason == (
        "answered 200 OK, but is a soft 404: it led to the home page,"
        " http://news.example/"
    )
    assert (lost.body, lost.exchanges[-1].raw_body) == (b"", PAGE)
