"""When something is due again, which addresses are tried, and in which batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.due import by_host, is_captured, next_moment, page_request
from tasks.models import DuePage, Outcome, PageRequest
from tasks.settings import FetchSettings

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


@pytest.mark.parametrize(
    ("tries", "minutes"),
    [
        ([("ok", 200)], None),
        ([("not_modified", 304)], None),
        ([("timeout", None), ("ok", 200)], None),
        ([("http_error", 404)], None),
        ([("http_error", 410)], None),
        ([("blocked_address", None)], None),
        ([("robots_disallowed", None)], None),
        ([("not_html", 200)], None),
        ([], None),
        ([("timeout", None)], 15),
        ([("connection_error", None)], 15),
        ([("dns_error", None)], 15),
        ([("bad_response", None)], 15),
        ([("truncated", 200)], 15),
        ([("http_error", 404), ("timeout", None)], 15),
        *[([("http_error", code)], 15) for code in (408, 425, 429, 500, 502, 503, 504)],
        ([("http_error", 501)], None),
    ],
)
def test_a_passing_fault_is_tried_soon_and_all_else_when_it_is_due(
    tries: list[tuple[Outcome, int | None]], minutes: int | None
) -> None:
    wait = timedelta(days=30) if minutes is None else timedelta(minutes=minutes)

    assert next_moment(tries, 0, NOW, 30.0) == NOW + wait


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
    assert next_moment([("timeout", None)], failures, NOW, 30.0) == NOW + wait


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(get_args(Outcome)), st.none() | st.integers(100, 599)
        ),
        max_size=4,
    ),
    st.integers(0, 10**9),
    st.floats(0.001, 36_500),
)
def test_whatever_happens_it_is_due_later_and_never_later_than_usual(
    tries: list[tuple[Outcome, int | None]], failures: int, days: float
) -> None:
    due = next_moment(tries, failures, NOW, days)

    assert NOW < due <= NOW + timedelta(days=days)


# Which addresses


def addresses(page: DuePage, **changes: object) -> list[tuple[str, str]]:
    return list(page_request(page, DEFAULTS.model_copy(update=changes)).addresses)


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


def test_a_request_carries_on_where_the_last_one_ended() -> None:
    page = replace(PAGE, attempts=3, etag='"e"', last_modified="yesterday")

    assert page_request(page, DEFAULTS.model_copy(update={"fallbacks": ()})) == (
        PageRequest(ARTICLE, (("origin", URL),), 4, '"e"', "yesterday")
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
