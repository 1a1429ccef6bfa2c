"""Who is dialled: nobody inside, by whatever name, spelling or redirect."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tasks.models import Response
from tasks.web.client import Web, open_web
from tasks.web.guard import verdict
from tasks.web.wire import Lookup, look_up
from tests.origin import Origin, open_origin, settings_for

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
VECTORS = SHARED / "sets" / "ssrf" / "vectors.json"
PUBLIC = "93.184.215.14"


@pytest.fixture
def canary() -> Iterator[Origin]:
    """Return a server on loopback that nobody may reach."""
    with open_origin() as canary:
        yield canary


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return the server that `connect_to` leads to."""
    with open_origin() as origin:
        yield origin


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record who is dialled, and let only loopback be."""
    seen: list[str] = []
    connect = socket.socket.connect

    def record(self: socket.socket, address: Any) -> None:
        seen.append(str(address[0]))
        if not ip_address(address[0]).is_loopback:
            msg = "recorded, not dialled"
            raise ConnectionRefusedError(111, msg)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", record)
    return seen


def get(origin: Origin, url: str, lookup: Lookup = look_up, **changes: Any) -> Response:
    """Get one address."""

    async def run() -> Response:
        settings = settings_for(origin, **changes)
        async with open_web(settings, lookup=lookup) as web:
            return await web.get(url)

    return asyncio.run(run())


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "localhost.",
    "me.localhost",
    "LOCALHOST",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_loopback_is_refused_however_it_is_spelled(
    canary: Origin, origin: Origin, host: str
) -> None:
    """Asked for directly or by a redirect, the canary sees no connection."""
    ports = (80, canary.port)
    url = f"http://{host}:{canary.port}/"
    direct = get(origin, url, ports=ports)
    redirected = get(origin, f"http://news.example/redirect/{url}", ports=ports)

    assert (direct.outcome, redirected.outcome) == ("blocked_address",) * 2
    assert "loopback" in direct.reason or "IPv4-mapped" in direct.reason or host == "0"
    assert [e.status_code for e in redirected.exchanges] == [302]
    assert canary.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_the_socket_itself_is_guarded(
    canary: Origin, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the address not judged before, nothing would be dialled all the same."""
    monkeypatch.setattr(Web, "_check_host", lambda *_: None)
    ports = (canary.port,)
    response = get(canary, f"http://{host}:{canary.port}/", ports=ports)

    assert response.outcome == "blocked_address"
    assert canary.connections == 0


def test_a_name_for_a_private_address_is_refused(canary: Origin) -> None:
    """The name service of the attacker says what it likes."""
    response = get(
        canary,
        f"http://evil.test:{canary.port}/",
        lambda _: ["127.0.0.1"],
        ports=(canary.port,),
    )

    assert response.outcome == "blocked_address"
    assert response.reason.startswith("evil.test leads nowhere allowed: 127.0.0.1 is")
    assert canary.connections == 0


def test_of_several_addresses_only_the_public_are_dialled(
    canary: Origin, dialled: list[str]
) -> None:
    """A private address beside a public one is left out."""
    found = ["127.0.0.1", PUBLIC, "10.0.0.1", "::1"]
    response = get(canary, "http://mixed.test/", lambda _: found)

    assert response.outcome == "connection_error"
    assert dialled == [PUBLIC]


def test_a_name_that_changes_its_mind_is_judged_each_time(
    canary: Origin, dialled: list[str]
) -> None:
    """What is judged is what is dialled, so rebinding gains nothing."""
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    for _ in range(3):
        get(canary, "http://rebind.test/", lambda _: next(answers))

    assert dialled == [PUBLIC]
    assert canary.connections == 0


def test_connect_to_exempts_its_target_for_its_host_alone(origin: Origin) -> None:
    """The same address and port under any other name meet the guard."""
    ports = (80, origin.port)
    for host in ("127.0.0.1", "localhost", "other.test", "news.example.test"):
        url = f"http://{host}:{origin.port}/page"
        response = get(origin, url, lambda _: ["127.0.0.1"], ports=ports)
        assert response.outcome == "blocked_address", host
    assert origin.connections == 0

    assert get(origin, "http://news.example/page").outcome == "ok"
    assert get(origin, "http://NEWS.example./page").outcome == "ok"


def test_a_pattern_for_everything_hides_no_redirect_inside(origin: Origin) -> None:
    """An address in numbers is judged before it is led elsewhere, unless named."""
    everything = {"*": origin.address}
    inside = get(origin, "http://169.254.169.254/", connect_to=everything)
    outside = get(origin, f"http://{PUBLIC}/page", connect_to=everything)
    named = {"169.254.169.254": origin.address}
    by_name = get(origin, "http://169.254.169.254/page", connect_to=named)

    assert inside.outcome == "blocked_address"
    assert (outside.outcome, by_name.outcome) == ("ok", "ok")
    assert origin.asked[0].host == PUBLIC


def test_allowed_networks_are_dialled(canary: Origin) -> None:
    """`allow_addresses` opens what it names, by number and by name."""
    ports = (canary.port,)
    for host in ("127.0.0.1", "localhost"):
        url = f"http://{host}:{canary.port}/page"
        opened = get(canary, url, ports=ports, allow_addresses=("127.0.0.0/8",))
        closed = get(canary, url, ports=ports, allow_addresses=("10.0.0.0/8",))
        assert (opened.outcome, closed.outcome) == ("ok", "blocked_address")


def _vectors() -> list[str]:
    if not VECTORS.is_file():
        return []
    return [str(url) for url in json.loads(VECTORS.read_text(encoding="utf-8"))]


def _pretend(host: str) -> list[str]:
    """Answer as the real names would; whoever is unknown is public."""
    inside = {
        "127.0.0.1.nip.io": "127.0.0.1",
        "metadata.google.internal": "169.254.1.1",
    }
    try:
        return [str(ip_address(host))]
    except ValueError:
        name = host.rstrip(".")
        return look_up(name) if name == "localhost" else [inside.get(name, PUBLIC)]


@pytest.mark.skipif(not VECTORS.is_file(), reason=f"{VECTORS} is not here")
def test_no_vector_reaches_an_address_inside(
    canary: Origin, dialled: list[str]
) -> None:
    """Of the collected tricks, none makes us dial what is not public."""
    outcomes = {}
    for url in _vectors():
        for text in (url, url.replace("127.0.0.1", f"127.0.0.1:{canary.port}", 1)):
            ports = (80, 443, canary.port)
            outcomes[text] = get(canary, text, _pretend, ports=ports).outcome

    assert canary.connections == 0
    assert [a for a in dialled if verdict(a) != "allow"] == []
    expected = {"bad_url", "blocked_address", "connection_error", "dns_error"}
    assert set(outcomes.values()) <= expected
