"""The guard in a whole run: no spelling, redirect, name or image leads inside."""

# ruff: noqa: RUF001 - letters and digits that look like others are what is tested

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from flows.direct import run_direct
from flows.refresh import fetch_images, fetch_pages, read_sources
from tasks.run import Job, Run, working_file
from tasks.settings import Settings, SourceSettings
from tasks.steps import Steps
from tasks.web import wire
from tests.hub import MOMENT, Hub
from tests.origin import PAGE, Handler, Origin, open_origin, settings_for
from tests.test_web_guard import REFUSED

PUBLIC = "93.184.215.14"
# Hosts that are this machine or another one inside, however they are spelled.
INSIDE = """
127.0.0.1 127.1 127.0.1 127.0.0.1. 127.127.127.127 127.255.255.254 2130706433
017700000001 0177.0.0.1 0177.0.0.01 0x7f.0.0.1 0x7f.1 0x7f000001 0X7F.0X0.0X0.0X1
127.0x0.0.1 127.0.0.0x1 0 0x0 00 0.0.0.0 0.1.2.3
%31%32%37.0.0.1 127%2e0%2e0%2e1 127。0。0。1 127．0．0．1 127｡0｡0｡1 １２７.0.0.1
①②⑦.⓪.⓪.① 𝟏𝟐𝟕.𝟎.𝟎.𝟏 ¹²⁷.0.0.1 1\u00ad27.0.0.1 127.0.0.\u200b1
localhost LOCALHOST localhost. loc%61lhost ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ lo\u00adcalhost
localhoſt me.localhost a.b.localhost.
[::1] [::] [0:0:0:0:0:0:0:1] [0000::0001] [::127.0.0.1] [::ffff:127.0.0.1]
[::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::FFFF:7F00:0001] [::ffff:0:127.0.0.1]
[64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::]
[2002:7f00:0001::1] [2001:0:7f00:1::] [2001:0:4136:e378:8000:63bf:80ff:fffe]
[2606:4700::5efe:127.0.0.1] [fe80::5efe:7f00:1] [fe80::1] [fc00::1] [fd00:ec2::254]
[fec0::1] [ff02::1] [100::1] [5f00::1] [3fff::1] [::ffff:a9fe:a9fe]
10.0.0.1 10.1 167772161 012.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 192.168.257
0xc0a80101 169.254.169.254 2852039166 0xA9FEA9FE 169.254.43518 0251.0376.0251.0376
100.64.0.1 100.100.100.200 198.18.0.1 192.0.0.192 192.0.2.1 198.51.100.1 203.0.113.1
224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16 192.88.99.1
127.0.0.1.nip.test metadata.google.test
""".split()
# Whole addresses, PORT being the canary's, that lead inside or nowhere.
ADDRESSES = """
http://you@127.0.0.1:PORT/ http://you:secret@127.0.0.1:PORT/ http://:@127.0.0.1:PORT/
http://a.example@127.0.0.1:PORT/ http://a.example:80@127.0.0.1:PORT/
http://a.example%00@127.0.0.1:PORT/ http://a.example\\@127.0.0.1:PORT/
http://127.0.0.1:PORT\\@a.example/ http://127.0.0.1:PORT#@a.example/
http://127.0.0.1:PORT?@a.example/ http://127.0.0.1:PORT%2f@a.example/
http:/127.0.0.1:PORT/ http:///127.0.0.1:PORT/ http:\\\\127.0.0.1:PORT\\
http:127.0.0.1:PORT/
HTTP://127.0.0.1:PORT/ hTtP://127.0.0.1:PORT/ ht%TABtp://127.0.0.1:PORT/
http://127.0.%TAB0.1:PORT/ http://127.0.0.1:PORT:80/ http://127.0.0.1:0PORT/
http://127.0.0.1:+PORT/ http://127.0.0.1:-PORT/ http://127.0.0.1:99999/
http://[::1]:PORT/ http://[::1/ http://::1:PORT/ http://[::1]extra:PORT/ http://[::1%25lo]:PORT/
http://[::1%lo]:PORT/ http://[fe80::1%25lo]:PORT/ http://[v1.x]:PORT/ http://[127.0.0.1]:PORT/
http://127.0.0.1.:PORT/ http://127.0.0.1..:PORT/ http://.127.0.0.1:PORT/ http://127..1:PORT/
http://256.0.0.1:PORT/ http://127.0.0.0x:PORT/ http://4294967297:PORT/ http://0127.0.0.08:PORT/
http://127.0.0.1%00.a.example:PORT/ http://127.0.0.1%20:PORT/ http://127.0.0.1%0d%0a:PORT/
https://127.0.0.1:PORT/ ws://127.0.0.1:PORT/ ftp://127.0.0.1:PORT/ gopher://127.0.0.1:PORT/_x
dict://127.0.0.1:PORT/ ldap://127.0.0.1:PORT/ file:///etc/passwd
file://127.0.0.1/etc/passwd
javascript:alert(1) data:text/html,<p>x blob:http://127.0.0.1:PORT/x
view-source:http://127.0.0.1:PORT/ jar:http://127.0.0.1:PORT/!/
unix:/var/run/docker.sock
about:blank http: http:// http://:PORT/ //127.0.0.1:PORT/ \\\\127.0.0.1:PORT\\
/\\127.0.0.1:PORT/
""".split()


class Canary:
    """A listener on all addresses of this machine that nobody may reach."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(
            ("", 0), family=socket.AF_INET6, dualstack_ipv6=True
        )
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _count(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                connection.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    """Return a canary."""
    with contextlib.closing(Canary()) as canary:
        yield canary


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return the server that `connect_to` and the public address lead to."""
    with open_origin() as origin:
        yield origin


class Names:
    """The name service of somebody who wants to get inside."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: Counter[str] = Counter()

    def __call__(self, host: bytes, *_: Any, **__: Any) -> list[Any]:
        """Give one answer after the other, the last one for ever."""
        name = host.decode().rstrip(".")
        answers = self.answers.get(name)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "so it was told")
        found = answers[min(self.asked[name], len(answers) - 1)]
        self.asked[name] += 1
        return [(0, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch, origin: Origin) -> set[str]:
    """Record which addresses are dialled; the public one leads to *origin*."""
    seen: set[str] = set()
    connect = socket.socket.connect

    def record(self: socket.socket, address: Any) -> None:
        seen.add(address[0] if address[1] != origin.port else "origin")
        is_public = address[0] == PUBLIC
        connect(self, ("127.0.0.1", origin.port) if is_public else address)

    monkeypatch.setattr(socket.socket, "connect", record)
    return seen


def tricks_for(port: int) -> list[str]:
    """Return each address that leads to *port* inside."""
    spelled = [f"http://{host}:{port}/{n}" for n, host in enumerate(INSIDE)]
    whole = [text.replace("PORT", str(port)) for text in ADDRESSES]
    return spelled + [text.replace("%TAB", "\t") for text in whole]


def mislead(tricks: list[str]) -> Callable[[Handler], None]:
    """Return a server that redirects to the trick whose number is its path."""

    def answer(it: Handler) -> None:
        number = it.path.strip("/")
        if not number.isdigit():
            it.say(200, PAGE)
            return
        head = b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: "
        it.raw(head + tricks[int(number)].encode() + b"\r\nContent-Length: 0\r\n\r\n")

    return answer


def hang_up(it: Handler) -> None:
    """Let the next request be for another connection, so another look at the name."""
    it.close_connection = True
    it.say(200, PAGE, Connection="close")


def just_fetch(run: Run, steps: Steps) -> None:
    """Refresh without publishing."""
    read_sources(run, steps)
    fetch_pages(run, steps)
    fetch_images(run, steps)
    run.finish("complete")


def test_nothing_leads_inside_in_a_whole_run(
    hub: Hub,
    origin: Origin,
    canary: Canary,
    dialled: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Directly, by redirect, as AMP page, image and robots.txt, and by name."""
    names, port = Names(), canary.port
    tricks = tricks_for(port)
    for number, trick in enumerate(tricks):
        hub.write(f"direct-{number}.md", webUrl=trick)
        hub.write(f"led-{number}.md", webUrl=f"http://r{number % 8}.example/{number}")
        if number % 4 == 0:
            hub.write(
                f"amp-{number}.md",
                webUrl=f"http://gone.example/status/404?{number}",
                ampWebUrl=trick,
                images=[{"url": trick}, {"url": f"http://r1.example/{number}?image"}],
            )
    for number in range(8):
        origin.hosts[f"r{number}.example"] = mislead(tricks)
    for number, address in enumerate(REFUSED):
        names.answers[f"d{number}.test"] = [[address]]
        hub.write(f"name-{number}.md", webUrl=f"http://d{number}.test:{port}/")
    names.answers["127.0.0.1.nip.test"] = [["127.0.0.1"]]
    names.answers["metadata.google.test"] = [["169.254.169.254"]]
    # First public, then inside: robots.txt and one page come before it turns.
    names.answers["rebind.test"] = [[PUBLIC], ["127.0.0.1"]]
    names.answers["mixed.test"] = [["127.0.0.1", PUBLIC, "::1"]]
    for name in ("rebind.test", "mixed.test"):
        origin.hosts[f"{name}:{port}"] = hang_up
        for number in range(3):
            hub.write(f"{name}-{number}.md", webUrl=f"http://{name}:{port}/{number}")
    origin.robots["robots.example"] = lambda it: it.say(
        302, Location=f"http://127.0.0.1:{port}/robots.txt"
    )
    hub.write("robots.md", webUrl="http://robots.example/page")

    monkeypatch.setattr(socket, "getaddrinfo", names)
    monkeypatch.setattr(wire, "LOOKUP_SECONDS", 0)
    settings = Settings(
        sources=(SourceSettings(location=str(hub.folder), name="hub"),),
        data=hub.data,
        fetch=settings_for(origin, ports=(80, 443, port), fallbacks=("amp",)),
    )
    job = Job(settings, moment=MOMENT, say=lambda _: None)
    summary = run_direct(just_fetch, job)

    assert canary.connections == 0
    assert dialled == {"origin", PUBLIC}
    with duckdb.connect(str(working_file(hub.data)), read_only=True) as working:
        rows = working.execute(ROWS).fetchall()
        images = working.execute("select status, reason from images").fetchall()
    assert len(rows) > 2 * len(tricks)
    led = {url: row for url, *row in rows if "://r" in url and url.count("/") == 3}
    for number, host in enumerate(INSIDE):
        _, outcome, reason = led[f"http://r{number % 8}.example/{number}"]
        assert (outcome, " is " in reason) == ("blocked_address", True), host
    for url, final_url, outcome, reason in rows:
        is_outside = ".example/" in final_url or url.startswith(TURNING)
        expected = {"ok"} if is_outside else set()
        if "gone.example" not in url:
            assert outcome in NOWHERE | expected, (url, outcome, reason)
    by_name = [row for row in rows if row[0].startswith("http://d")]
    assert {outcome for _, _, outcome, _ in by_name} == {"blocked_address"}
    assert len(by_name) == len(REFUSED)
    rebound = sorted(row[2] for row in rows if "rebind" in row[0])
    assert rebound == ["blocked_address", "blocked_address", "ok"]
    assert names.asked["rebind.test"] > 1
    assert [row[2] for row in rows if "mixed" in row[0]] == ["ok"] * 3
    assert [row[2] for row in rows if "robots" in row[0]] == ["blocked_address"]
    assert {status for status, _ in images} <= {"failed", "rejected"}
    assert len(images) == summary["images_failed"] > len(tricks) / 4
    # Whoever smuggles a password gets it into no reason.
    assert not [reason for *_, reason in rows if "secret" in reason]
    assert not [reason for _, reason in images if "secret" in reason]


TURNING = ("http://rebind.test", "http://mixed.test")
ROWS = "select url, final_url, outcome, reason from captures order by all"
NOWHERE = {"blocked_address", "bad_url", "too_many_redirects", "robots_disallowed"}
