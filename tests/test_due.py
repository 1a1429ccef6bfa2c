"""When something is due again, which addresses are tried, and in which batches."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.due import Try, by_host, is_captured, next_moment, page_request
from tasks.models import DuePage, Outcome, PageRequest, Response, Via
from tasks.settings import FetchSettings
from tasks.urls import identify
from tasks.web.faults import Failed, explain
from tasks.web.robots import read_rules

NOW = datetime(2024, 3, 4, 9, 30, tzinfo=UTC)
ARTICLE = UUID("00000000-0000-5000-8000-000000000001")
URL = "https://n.example/a"
PAGE = DuePage(ARTICLE, URL, None, None, None, 0, 0, None, None)
DEFAULTS = FetchSettings()


@pytest.mark.parametrize(
    ("outcomes", "is_got"),
    [
        (["ok"], True),
        (["not_modified"], True),
        (["http_error", "ok"], True),
        (["http_error", "timeout"], False),
        ([], False),
    ],
)
def test_a_page_is_captured_when_one_of_its_tries_got_it(
    outcomes: list[Outcome],
    is_got: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert is_captured(outcomes) == is_got


FIRST = UUID(int=0)  # no spread


def due(
    *tries: Try, failures: int = 0, key: UUID = FIRST, days: float = 30.0
) -> datetime:
    return next_moment(
        tries,
        key=key,
        failures=failures,
        moment=NOW,
        usual_days=days,
        longest_days=365.0,
    )


GONE = Try("http_error", 404)
BUSY = Try("http_error", 503)


@pytest.mark.parametrize(
    "tries",
    [
        [Try("ok", 200)],
        [Try("not_modified", 304)],
        [Try("timeout"), Try("ok", 200)],
    ],
)
def test_what_its_own_address_gave_is_due_after_the_usual_days(
    tries: list[Try],
) -> None:
    for failures in (0, 3):
        assert due(*tries, failures=failures) == NOW + timedelta(days=30)


@pytest.mark.parametrize(
    "attempt",
    [
        Try("timeout"),
        Try("connection_error"),
        Try("truncated", 200),
        Try("bad_response", reason="n.example:80 did not answer in valid HTTP"),
        Try("dns_error", reason="the name service gave no answer for n.example"),
        Try("dns_error", reason="the name x.example does not exist", is_online=False),
        Try("robots_disallowed", reason="robots.txt could not be read: answered 503"),
        *[Try("http_error", code) for code in (408, 425, 429, 500, 502, 503, 504)],
    ],
)
def test_a_passing_fault_is_tried_again_soon(attempt: Try) -> None:
    assert attempt.is_passing
    assert due(attempt) == due(GONE, attempt) == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    "attempt",
    [
        *[Try("http_error", code) for code in (401, 402, 403, 404, 410, 451, 501)],
        Try("http_error", 200, "answered 200 OK, but is a soft 404"),
        Try("bad_response", 200, "answered 200 OK, but is no article"),
        Try("dns_error", reason="the name gone.example does not exist"),
        Try("robots_disallowed", reason="robots.txt of the host disallows it"),
        Try("blocked_address"),
        Try("not_html", 200),
        Try("tls_error"),
        Try("bad_url"),
        Try("too_large", 200),
        Try("too_many_redirects"),
    ],
)
def test_what_lasts_is_tried_ever_more_seldom_but_once_a_year(attempt: Try) -> None:
    days = [(due(attempt, failures=n) - NOW).days for n in (0, 1, 2, 3, 4, 1_000_000)]

    assert days == [30, 60, 120, 240, 365, 365]


@pytest.mark.parametrize("via", ["amp", "cdn_amp", "archive"])
def test_a_page_that_only_a_fallback_has_asks_its_origin_ever_more_seldom(
    via: Via,
) -> None:
    saved = Try("ok", 200, via=via)
    days = [(due(BUSY, saved, failures=n) - NOW).days for n in (0, 1, 2)]

    assert days == [30, 60, 120]


def test_no_wait_is_shorter_than_the_usual_one_when_that_is_long() -> None:
    assert due(GONE, days=1_000.0) == NOW + timedelta(days=1_000)


@pytest.mark.parametrize(
    ("failures", "wait"),
    [
        (0, timedelta(minutes=15)),
        (1, timedelta(hours=1)),
        (2, timedelta(hours=4)),
        (3, timedelta(hours=16)),
        (4, timedelta(hours=64)),
        (5, timedelta(hours=256)),
        (6, timedelta(days=30)),
        (1_000_000, timedelta(days=30)),
    ],
)
def test_each_failure_makes_the_wait_four_times_longer_up_to_the_usual_one(
    failures: int, wait: timedelta
) -> None:
    assert due(Try("timeout"), failures=failures) == NOW + wait


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (timedelta(minutes=1), timedelta(minutes=15)),
        (timedelta(hours=5), timedelta(hours=5)),
        (timedelta(days=100), timedelta(days=100)),
        (timedelta(days=36_500), timedelta(days=365)),
    ],
)
def test_a_host_is_not_asked_before_it_wants_to_be(
    asked: timedelta, wait: timedelta
) -> None:
    tries = [Try("http_error", 429, not_before=NOW + asked), GONE]

    assert due(*tries) == NOW + wait


def test_what_was_fetched_together_is_not_due_in_one_second() -> None:
    keys = [identify("article", str(number)) for number in range(1_000)]
    moments = [due(Try("ok", 200), key=key) for key in keys]

    assert moments == [due(Try("ok", 200), key=key) for key in keys]
    assert len({moment.replace(microsecond=0) for moment in moments}) > 500
    assert max(moments) - min(moments) > timedelta(days=2)


def test_reasons_that_decide_are_the_words_of_the_rooms_that_say_them() -> None:
    gone = explain(socket.gaierror(socket.EAI_NONAME, "x"), "n.example:80")
    silent = explain(socket.gaierror(socket.EAI_AGAIN, "x"), "n.example:80")
    unread = Response("u", "u", "http_error", "answered 503", 1, 503)
    with pytest.raises(Failed) as refusal:
        read_rules(unread, "Wirehouse").check("http://n.example/")

    assert not Try(gone.outcome, reason=gone.reason).is_passing
    assert Try(silent.outcome, reason=silent.reason).is_passing
    assert Try(refusal.value.outcome, reason=refusal.value.reason).is_passing


TRIES = st.builds(
    Try,
    st.sampled_from(get_args(Outcome)),
    st.none() | st.integers(100, 599),
    st.just(""),
    st.sampled_from(get_args(Via)),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)


@settings(deadline=None)
@given(
    st.lists(TRIES, max_size=4),
    st.integers(0, 10**9),
    st.floats(0.001, 36_500),
    st.uuids(),
)
def test_whatever_happens_it_is_due_later_and_not_too_late(
    tries: list[Try], failures: int, days: float, key: UUID
) -> None:
    moment = due(*tries, failures=failures, key=key, days=days)

    assert NOW < moment <= NOW + 1.1 * timedelta(days=max(days, 365.0))


# Which addresses


def addresses(page: DuePage, **changes: Any) -> list[tuple[str, str]]:
    return list(page_request(page, replace(DEFAULTS, **changes)).addresses)


EVERYWHERE = replace(
    PAGE,
    amp_url="https://n.example/a/amp",
    cdn_amp_url="https://n-example.cdn.ampproject.org/c/s/n.example/a/amp",
    published_at=datetime(2020, 6, 12, 1, 41, tzinfo=timezone(timedelta(hours=2))),
)
ORIGIN = ("origin", URL)
AMP = ("amp", "https://n.example/a/amp")
CDN_AMP = ("cdn_amp", "https://n-example.cdn.ampproject.org/c/s/n.example/a/amp")
ARCHIVE = ("archive", f"https://web.archive.org/web/20200611234100id_/{URL}")


@pytest.mark.parametrize(
    ("fallbacks", "expected"),
    [
        (("amp", "cdn_amp", "archive"), [ORIGIN, AMP, CDN_AMP, ARCHIVE]),
        (("archive", "amp"), [ORIGIN, ARCHIVE, AMP]),
        ((), [ORIGIN]),
    ],
)
def test_the_origin_comes_first_and_then_the_fallbacks_in_their_order(
    fallbacks: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert addresses(EVERYWHERE, fallbacks=fallbacks) == expected


def test_a_route_without_an_address_is_left_out() -> None:
    assert addresses(PAGE, archive_url="") == [ORIGIN]


@pytest.mark.parametrize(
    ("published_at", "timestamp"),
    [
        (None, "99991231235959"),
        (datetime(2020, 6, 11, 23, 41, tzinfo=UTC), "20200611234100"),
        (datetime(987, 6, 5, tzinfo=UTC), "09870605000000"),
    ],
)
def test_the_archive_is_asked_for_the_copy_nearest_to_the_publication(
    published_at: datetime | None, timestamp: str
) -> None:
    page = replace(PAGE, published_at=published_at)

    found = addresses(page, archive_url="http://a.example/{timestamp}/{url}")

    assert found[1] == ("archive", f"http://a.example/{timestamp}/{URL}")


def test_braces_of_an_address_are_not_fields_of_the_archive() -> None:
    page = replace(PAGE, url="https://n.example/{timestamp}{0}")

    assert addresses(page)[1][1].endswith("id_/https://n.example/{timestamp}{0}")


@pytest.mark.parametrize(
    "url",
    [
        "https://you:secret@n.example/a",
        "https://you@n.example/a",
        "http://10.1.2.3/a",
        "http://127.1/a",
        "http://[::ffff:7f00:1]/a",
        "http://localhost/a?token=1",
        "http://me.localhost./a",
        "http://intranet/a",
        "http://wiki.corp/a",
        "http://printer.local./a",
        "http://db.eu.internal/a",
        "not an address",
    ],
)
def test_no_archive_learns_of_secrets_and_hosts_inside(url: str) -> None:
    assert addresses(replace(PAGE, url=url)) == [("origin", url)]


@pytest.mark.parametrize(
    "url",
    [
        "http://n.example:8080/a",
        "http://93.184.215.14/a",
        "http://[2606:4700:4700::1111]/a",
        "http://n.example./a?to=you@n.example",
        "http://gone.test/@bees",
        "http://b\u00fccher.example/a",
    ],
)
def test_an_archive_may_have_what_everybody_could_see(url: str) -> None:
    """Though we may not ask for it ourselves, as on other ports."""
    assert addresses(replace(PAGE, url=url))[1][1].endswith(f"id_/{url}")


def test_one_address_is_not_asked_by_two_routes() -> None:
    page = replace(
        EVERYWHERE, amp_url="HTTPS://n.example:443/a", cdn_amp_url="not an address"
    )

    routes = [via for via, _ in addresses(page)]

    assert routes == ["origin", "cdn_amp", "archive"]


def test_a_request_carries_on_where_the_last_one_ended() -> None:
    page = replace(
        EVERYWHERE,
        attempts=3,
        etag='"e"',
        last_modified="yesterday",
        validated_url="https://n.example/b",
    )

    request = page_request(page, replace(DEFAULTS, fallbacks=()))

    assert request == PageRequest(
        ARTICLE,
        (("origin", URL),),
        4,
        '"e"',
        "yesterday",
        "https://n.example/b",
        EVERYWHERE.published_at,
    )


# Which batches


def test_the_pages_of_a_host_stand_in_a_row() -> None:
    hosts = ["a", "b", "a", "c", "b", "a"]
    pages = [replace(PAGE, url=f"https://{host}.example/") for host in hosts]

    batches = by_host(pages, 4)

    assert [[page.url[8] for page in batch] for batch in batches] == [
        ["a", "a", "a", "b"],
        ["b", "c"],
    ]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["https://a.example/", "http://b.example:8080/", "not one"])
    ),
    st.integers(1, 10),
)
def test_batches_lose_nothing_and_are_full_but_for_the_last(
    urls: list[str], size: int
) -> None:
    batches = by_host([replace(PAGE, url=url) for url in urls], size)

    assert sorted(page.url for batch in batches for page in batch) == sorted(urls)
    assert {len(batch) for batch in batches[:-1]} <= {size}
    assert all(batches)
