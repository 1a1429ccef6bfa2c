"""Web archives: which copy is asked for, in which form, and what it is taken for."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest

from tasks.captures import CaptureWriter, read_capture
from tasks.due import page_request
from tasks.models import DuePage, Response
from tasks.settings import FetchSettings
from tasks.web.mementos import as_saved, raw_address, saved_address
from tests.origin import PAGE, Handler, Origin, open_origin, settings_for
from tests.test_web_pages import do_pages

PUBLISHED = datetime(2020, 6, 12, 1, 41, tzinfo=UTC)
LOST = "http://news.example/status/404"
RUSSIAN = "<!DOCTYPE html><title>Пчёлы вернулись</title>".encode("windows-1251")


def archive(it: Handler) -> None:
    """Answer as the Wayback Machine does, with one copy, of three days later."""
    path = unquote(it.path)
    if path.startswith("/timegate/"):
        it.say(302, Location=f"/web/20200615000000/{path.removeprefix('/timegate/')}")
    elif path.startswith("/web/20200615000000id_/"):
        it.say(
            200,
            RUSSIAN,
            Content_Type="text/html",
            Memento_Datetime="Mon, 15 Jun 2020 00:00:00 GMT",
            X_Archive_Orig_Content_Type="text/html; charset=windows-1251",
        )
    elif path.startswith("/web/20200615000000/"):
        it.say(200, b"<html>framed")
    elif path.startswith("/web/"):
        _, _, moment, address = path.split("/", 3)
        form = "id_" if moment.endswith("id_") else ""
        it.say(302, Location=f"/web/20200615000000{form}/{address}")
    else:
        it.say(404)


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A server with an archive."""
    with open_origin() as origin:
        origin.hosts["archive.example"] = archive
        yield origin


def ask(
    origin: Origin, template: str, published_at: datetime | None = PUBLISHED
) -> Response:
    """Return how the archive answered for a page whose origin lost it."""
    page = DuePage(UUID(int=1), LOST, None, None, published_at, 0, 0, None, None)
    settings = settings_for(origin, archive_url=template)
    rows: list[tuple[Any, ...]] = []
    do_pages([page_request(page, settings)], settings, lambda *r: rows.append(r))
    assert [row[1] for row in rows] == ["origin", "archive"]
    response = rows[1][4]
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    "template",
    [
        "http://archive.example/web/{timestamp}id_/{url}",
        "http://archive.example/web/{timestamp}/{url}",
        "http://archive.example/timegate/{url}",
    ],
)
def test_the_copy_nearest_to_the_publication_comes_in_its_raw_form(
    origin: Origin, template: str
) -> None:
    """By address (Wayback) or by header (RFC 7089), and told with its own moment."""
    response = ask(origin, template)

    assert (response.outcome, response.body) == ("ok", RUSSIAN)
    assert response.final_url == f"http://archive.example/web/20200615000000id_/{LOST}"
    assert response.reason == "answered 200 OK, a copy of 2020-06-15 00:00 UTC"
    first, second = [a for a in origin.asked if a.host == "archive.example"][1:]
    assert first.headers["accept-datetime"] == "Fri, 12 Jun 2020 01:41:00 GMT"
    assert second.path.startswith("/web/20200615000000id_/")


def test_only_the_archive_is_asked_for_a_moment(origin: Origin) -> None:
    """The page's own host has but one version."""
    ask(origin, "http://archive.example/timegate/{url}")

    asked = [a for a in origin.asked if a.host == "news.example"]
    assert not any("accept-datetime" in a.headers for a in asked)


def test_without_a_date_the_archive_says_which_copy(origin: Origin) -> None:
    """That is the newest one, by RFC 7089."""
    ask(origin, "http://archive.example/timegate/{url}", None)

    asked = [a for a in origin.asked if a.host == "archive.example"]
    assert not any("accept-datetime" in a.headers for a in asked)


def test_a_copy_has_the_type_of_its_page(origin: Origin) -> None:
    """The archive's own header names no encoding."""
    response = ask(origin, "http://archive.example/timegate/{url}")

    types = [v for k, v in response.headers if k.lower() == b"content-type"]
    assert types == [b"text/html; charset=windows-1251"]


def test_an_origin_cannot_speak_as_an_archive(origin: Origin) -> None:
    """Its own type counts, whatever else it sends."""
    origin.hosts["news.example"] = lambda it: it.say(
        200, PAGE, X_Archive_Orig_Content_Type="image/png"
    )
    page = DuePage(UUID(int=1), LOST, None, None, None, 0, 0, None, None)
    settings = settings_for(origin)
    rows: list[tuple[Any, ...]] = []
    do_pages([page_request(page, settings)], settings, lambda *r: rows.append(r))

    assert [row[4].outcome for row in rows] == ["ok"]


def test_a_copy_that_is_still_packed_is_unpacked_and_read_back(
    origin: Origin, tmp_path: Path
) -> None:
    """Some copies come as they were saved, with the coding among the saved headers."""
    origin.hosts["archive.example"] = lambda it: it.say(
        200, gzip.compress(PAGE), X_Archive_Orig_Content_Encoding="gzip"
    )
    response = ask(origin, "http://archive.example/web/{timestamp}id_/{url}")
    with CaptureWriter(tmp_path, "test") as writer:
        place = writer.write(response)

    assert response.body == PAGE
    assert place is not None
    assert read_capture(tmp_path, place).body == PAGE


def test_a_copy_of_a_soft_404_is_none(origin: Origin) -> None:
    """What redirects were saved count as if they were taken now."""

    def saved(it: Handler) -> None:
        home = "/web/20200615000000id_/http://news.example/"
        if it.path == home:
            it.say(200, PAGE)
        else:
            it.say(302, Location=home)

    origin.hosts["archive.example"] = saved
    response = ask(origin, "http://archive.example/web/{timestamp}id_/{url}")

    assert response.outcome == "http_error"
    assert response.reason == (
        "answered 200 OK, but is a soft 404: it led to the home page,"
        " http://news.example/"
    )


def test_the_archive_can_be_switched_off(origin: Origin) -> None:
    """With an empty address, or by leaving it out of the fallbacks."""
    page = DuePage(UUID(int=1), LOST, None, None, PUBLISHED, 0, 0, None, None)
    for switch in ({"archive_url": ""}, {"fallbacks": ("amp", "cdn_amp")}):
        request = page_request(page, FetchSettings(**switch))
        assert request.addresses == (("origin", LOST),)


def test_an_archive_has_its_own_robots_txt(origin: Origin) -> None:
    """It is a host like any other."""
    origin.robots["archive.example"] = lambda it: it.say(
        200, b"User-agent: *\nDisallow: /web/", Content_Type="text/plain"
    )
    response = ask(origin, "http://archive.example/web/{timestamp}id_/{url}")

    assert response.outcome == "robots_disallowed"
    assert [a.path for a in origin.asked if a.host == "archive.example"] == [
        "/robots.txt"
    ]


@pytest.mark.parametrize(
    ("url", "raw", "saved"),
    [
        ("/web/2020/https://a.example/b", "/web/2020id_/https://a.example/b", None),
        ("/coll/20200611234100mp_/http://a.example/", "", "http://a.example/"),
        ("/web/20200611id_/http:/a.example/", "", "http://a.example/"),
        ("https://a.example/2020/06/11/story", "", ""),
        ("https://a.example/20200611/http://b.example/", "", ""),
        ("", "", ""),
    ],
)
def test_only_addresses_of_copies_have_a_raw_form(
    url: str, raw: str, saved: str | None
) -> None:
    """A form that was chosen stays; what looks otherwise stays whole."""
    assert raw_address(url) == (raw or url)
    assert saved is None or saved_address(url) == (saved or url)


@pytest.mark.parametrize("value", ["yesterday", "", "Mon, 99 Jun 2020 00:00:00 GMT"])
def test_a_moment_that_is_none_is_left_out(value: str) -> None:
    """An archive's headers are as odd as anybody's."""
    headers = ((b"Memento-Datetime", value.encode()),)
    response = Response("u", "u", "ok", "answered 200 OK", 1, 200, headers)

    assert as_saved(response) == response
