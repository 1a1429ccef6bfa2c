"""Certificates: verified always, and refused in words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.models import Response
from tasks.web.client import open_web
from tests.authority import NOW, Authority
from tests.origin import PAGE, Origin, open_origin, settings_for


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that the client may be told to trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def origin(authority: Authority) -> Iterator[Origin]:
    """Return a server with a good certificate for `news.example`."""
    with open_origin(authority.server("news.example")) as it:
        yield it


def get(origin: Origin, url: str, trusted: Path | None) -> Response:
    """Get one address, trusting the public authorities or the one of *trusted*."""

    async def run() -> Response:
        tls = ssl.create_default_context(cafile=trusted) if trusted else None
        async with open_web(settings_for(origin), tls=tls) as web:
            return await web.get(url)

    return asyncio.run(run())


def test_a_trusted_certificate_of_the_host_is_good(
    origin: Origin, authority: Authority
) -> None:
    """The name checked is that of the address, not of where it was dialled."""
    response = get(origin, "https://news.example/page", authority.path)

    assert (response.outcome, response.body) == ("ok", PAGE)


def test_a_certificate_that_nobody_vouches_for_is_refused(origin: Origin) -> None:
    """By default only public authorities are trusted, and nothing is asked."""
    response = get(origin, "https://news.example/page", None)

    assert response.outcome == "tls_error"
    assert response.reason == (
        "the certificate of news.example is signed by nobody known"
    )
    assert origin.asked == []


def test_a_certificate_for_another_host_is_refused(
    origin: Origin, authority: Authority
) -> None:
    """Hosts that are dialled at one address are still two hosts."""
    response = get(origin, "https://other.example/page", authority.path)

    assert response.outcome == "tls_error"
    assert response.reason == ("the certificate is for news.example, not other.example")
    assert origin.asked == []


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    """The reason says so."""
    old = authority.server("news.example", until=datetime(2021, 3, 2, tzinfo=UTC))
    with open_origin(old) as origin:
        response = get(origin, "https://news.example/page", authority.path)

    assert response.outcome == "tls_error"
    assert response.reason == ("the certificate of news.example expired on 2021-03-02")


def test_a_certificate_of_the_future_is_refused(authority: Authority) -> None:
    """The clock of one of us is wrong, and ours says so."""
    early = authority.server("news.example", until=NOW + timedelta(days=60))
    with open_origin(early) as origin:
        response = get(origin, "https://news.example/page", authority.path)

    begin = NOW + timedelta(days=30)
    assert response.outcome == "tls_error"
    assert response.reason == (
        f"the certificate of news.example is not valid before {begin:%Y-%m-%d}"
    )


def test_of_many_names_three_are_told(authority: Authority) -> None:
    """A certificate may hold thousands."""
    many = authority.server(*[f"{n}.example" for n in range(900)])
    with open_origin(many) as origin:
        response = get(origin, "https://news.example/page", authority.path)

    assert response.outcome == "tls_error"
    assert response.reason == (
        "the certificate is for 0.example, 1.example, 2.example and 897 more,"
        " not news.example"
    )


def test_a_weak_key_and_old_tls_are_refused(authority: Authority) -> None:
    """What was broken years ago protects nobody."""
    reasons = {}
    for name, context in {
        "key": authority.server("news.example", is_weak=True),
        "version": authority.outdated("news.example"),
        "signature": authority.self_signed("news.example"),
    }.items():
        with open_origin(context) as origin:
            response = get(origin, "https://news.example/page", authority.path)
        assert response.outcome == "tls_error"
        reasons[name] = response.reason

    assert reasons == {
        "key": "the certificate of news.example is too weak to be safe",
        "version": "news.example:443 speaks only TLS that is not safe",
        "signature": "the certificate of news.example is signed by itself alone",
    }
