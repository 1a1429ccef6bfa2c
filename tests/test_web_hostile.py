"""A web where everybody is hostile: each in one word, soon, and in little memory."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tasks.models import Response
from tasks.settings import FetchSettings
from tasks.web.client import open_web
from tests.authority import NOW, Authority
from tests.hostile_origin import (
    BEHAVIOURS,
    ENDLESS_REDIRECTS,
    EVIL,
    PAGE,
    HostileOrigin,
    open_hostile_origin,
)

# The usual is 60; in 5 a slow machine cannot read all that comes at once.
DEADLINE_SECONDS = 9
# More than the same number of good pages takes: one body of the largest size, as
# received and decoded, and what lies in the buffers of all who flood us.
MEMORY_BYTES = 40 * 2**20
CHILD = Path(__file__).with_name("hostile_child.py")

# What each behaviour is called, and what the reason says of it.
EXPECTED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        "good gzip gzip-members gzip-junk-after deflate deflate-raw cookies refresh"
        " line-feeds folded early-hints one-byte-chunks until-closed old-version"
        " length-long header-not-ascii reason-not-ascii type-not-ascii to-good"
        " to-good-slowly to-two-lines to-tabs ragged ragged-without-length smuggle"
        " smuggle-after-chunks smuggle-later smuggle-after smuggle-half"
        " length-zeros transfer-identity gzip-extra gzip-name blank-lines-first"
        " hints-1000 hints-to-loopback status-200-elsewhere to-two-places"
        " to-any-scheme to-capitals to-escaped-host to-ideographic-dots to-umlaut"
        " smuggle-after-redirect smuggle-after-continue"
        " smuggle-old to-good-stalled gzip-unsaid coding-none coding-charset".split(),
        ("ok", "answered 200 OK"),
    ),
    **dict.fromkeys(
        "never drip-status drip-head status-199".split(),
        ("timeout", "no answer from NAME.example:80 within 9 s"),
    ),
    **dict.fromkeys(
        "drip-body drip-chunks stalled-body".split(),
        ("timeout", "no complete body from NAME.example:80 within 9 s"),
    ),
    **dict.fromkeys(
        "close close-in-status close-in-head reset reset-in-head".split(),
        (
            "connection_error",
            "NAME.example:80 closed the connection before it answered",
        ),
    ),
    "reset-in-body": ("truncated", "the body broke off after 1,270 of 1,280 bytes"),
    "reset-without-length": ("truncated", "the body broke off after"),
    "length-short": ("truncated", "the body broke off after 5 of 1,000 bytes"),
    "chunks-without-end": ("truncated", "the body broke off after 5 bytes"),
    "chunks-half-end": ("truncated", "the body broke off after 5 bytes"),
    "chunks-reset": ("truncated", "the body broke off after"),
    "chunk-size-bad": ("truncated", "broke off: the size of a chunk is no number"),
    "chunk-size-bad-at-once": ("truncated", "the size of a chunk is no number"),
    "chunk-size-negative": ("truncated", "the size of a chunk is no number"),
    "chunk-size-prefixed": ("truncated", "the size of a chunk is no number"),
    "chunk-size-huge": ("truncated", "the size of a chunk is too large a number"),
    "chunk-longer": ("truncated", "a chunk is longer than its size"),
    "endless-trailer": ("truncated", "is longer than 32,768 bytes"),
    "endless-trailers": ("truncated", "it has too many headers"),
    **dict.fromkeys(
        "empty blank gzip-empty smuggle-after-nothing".split(),
        ("bad_response", "answered 200 OK, but is no article: it is empty"),
    ),
    "error-stalled": ("http_error", "answered 404 Not Found"),
    "error-drip": ("http_error", "answered 410 Gone"),
    "gzip-cut": ("truncated", "the compressed body breaks off before its end"),
    "gzip-without-trailer": ("truncated", "the compressed body breaks off"),
    "deflate-cut": ("truncated", "the compressed body breaks off before its end"),
    "gzip-damaged": ("bad_encoding", "not in the coding that its header names, or is"),
    "gzip-not": ("bad_encoding", "not in the coding that its header names, or is"),
    "gzip-many-members": ("bad_encoding", "more than 1,000 gzip members"),
    "endless-body": ("too_large", "more than the 10,000,000 bytes allowed"),
    "endless-chunks": ("too_large", "more than the 10,000,000 bytes allowed"),
    "gzip-endless": ("too_large", "more than the 10,000,000 bytes allowed"),
    "length-huge": ("too_large", "99,999,999,999 bytes, allowed are 10,000,000"),
    **dict.fromkeys(
        "gzip-bomb deflate-bomb deflate-raw-bomb".split(),
        ("too_large", "larger than allowed once decoded"),
    ),
    **dict.fromkeys(
        "endless-hints endless-continue endless-line-ends head-400-kb".split(),
        ("bad_response", "gave no answer: more than 262,144 bytes came before a body"),
    ),
    **dict.fromkeys(
        "endless-small-chunks endless-extension endless-extensions endless-zeros"
        "".split(),
        ("bad_response", " of a body"),
    ),
    **dict.fromkeys(
        "endless-status endless-header head-90-kb to-far-away".split(),
        ("bad_response", "a line of its head is longer than 32,768 bytes"),
    ),
    "endless-headers": ("bad_response", "it has too many headers"),
    "headers-10000": ("bad_response", "it has too many headers"),
    "length-negative": ("bad_response", "its length is no number"),
    "length-plus": ("bad_response", "its length is no number"),
    "length-words": ("bad_response", "its length is no number"),
    "length-list": ("bad_response", "its length is no number"),
    "length-conflicting": ("bad_response", "it tells its length more than once"),
    "length-twice": ("bad_response", "it tells its length more than once"),
    "length-beyond-numbers": ("bad_response", "its length is too large a number"),
    "length-and-chunks": (
        "bad_response",
        "it tells its length and comes in chunks, too",
    ),
    "length-empty": ("bad_response", "its length is left empty"),
    "length-spaced": ("bad_response", "its length is no number"),
    "chunk-size-signed": ("truncated", "the size of a chunk is no number"),
    "chunk-size-wraps": ("truncated", "the size of a chunk is too large a number"),
    "chunk-size-largest": ("truncated", "the body broke off after "),
    "chunk-size-alone": ("truncated", "size of a chunk is followed by something else"),
    "chunk-extension-broken": ("truncated", "is followed by something else"),
    "trailer-length": ("truncated", "it tells its length and comes in chunks, too"),
    "trailers-1000": ("truncated", "it has too many headers"),
    "transfer-x": ("bad_response", "coding 'xchunked' was not asked for"),
    "transfer-empty": ("bad_response", "coding '' was not asked for"),
    "transfer-tabbed": ("bad_response", r"coding '\x0bchunked' was not asked for"),
    "transfer-quoted": ("bad_response", "coding '\"chunked\"' was not asked for"),
    "transfer-chunked-last-but-one": ("bad_response", "'chunked, identity' was not"),
    "transfer-chunked-twice": ("bad_response", "'chunked, chunked' was not asked for"),
    "gzip-reserved": ("bad_encoding", "is not in the coding that its header names"),
    "gzip-size-wrong": ("bad_encoding", "is not in the coding that its header names"),
    "gzip-name-endless": ("too_large", "more than the 10,000,000 bytes allowed"),
    "gzip-two-lines": ("bad_response", "coded more than once: 'gzip, gzip'"),
    "deflate-is-gzip": ("bad_encoding", "is not in the coding that its header names"),
    "deflate-dictionary": ("bad_encoding", "is not in the coding that its header"),
    "hints-then-nothing": ("connection_error", "closed the connection before it"),
    "cookies-400-kb": ("bad_response", "more than 262,144 bytes came before a body"),
    **dict.fromkeys(
        "version-lower version-1.10 icecast mark-first status-split status-signed"
        " continue-with-body".split(),
        ("bad_response", "its first line is no status line"),
    ),
    "status-305": ("bad_response", "answered 305 Use Proxy, which is no answer"),
    "status-300-elsewhere": ("bad_response", "answered 300 Multiple Choices, which"),
    "to-a-fragment": ("too_many_redirects", "redirects in a circle: "),
    "to-nul": ("bad_response", "a header holds what none may hold"),
    "to-a-user-alone": ("bad_url", "the address carries a user name or password"),
    "to-loopback-escaped": ("blocked_address", "127.0.0.1 is a loopback address"),
    "to-loopback-in-octal": ("blocked_address", "127.0.0.1 is a loopback address"),
    "to-loopback-backwards": ("blocked_address", "127.0.0.1 is a loopback address"),
    "to-nat64": ("blocked_address", "64:ff9b::7f00:1 is a NAT64 address"),
    "to-a-zone": ("bad_url", "redirects to 'http://[fe80::1%25eth0]/': "),
    "to-port-0": ("bad_url", "port 0 is not among those allowed (80, 443)"),
    "to-two-ports": ("bad_url", "redirects to 'http://good.example:80:80/': "),
    "to-source": ("bad_url", "is not an http or https address"),
    "transfer-gzip": ("bad_response", "coding 'gzip, chunked' was not asked for"),
    "transfer-twice": ("bad_response", "coding 'chunked, chunked' was not asked for"),
    "transfer-unknown": ("bad_response", "coding 'rot13' was not asked for"),
    "gzip-twice": ("bad_response", "coded more than once: 'gzip, gzip'"),
    "gzip-hundred-times": ("bad_response", "coded more than once: 'gzip, gzip, "),
    "brotli": ("bad_response", "coded as 'br', which was not asked for"),
    "zstd": ("bad_response", "coded as 'zstd', which was not asked for"),
    "coding-unknown": ("bad_response", "coded as 'rot13', which was not asked for"),
    "coding-long": ("bad_response", "coded as 'xxxx"),
    "header-nul": ("bad_response", "a header holds what none may hold"),
    "header-nameless": (
        "bad_response",
        "a line of its head has no name that may be one",
    ),
    "header-colonless": (
        "bad_response",
        "a line of its head has no name that may be one",
    ),
    "header-spaced": ("bad_response", "a line of its head has no name that may be one"),
    "head-bare-cr": ("bad_response", "a line of its head does not end as one"),
    **dict.fromkeys(
        "http-0.9 http-2 http-2-preface http-9 garbage zeros a-request ssh tls-alert"
        " status-42 status-1000 status-word".split(),
        ("bad_response", "its first line is no status line"),
    ),
    "status-000": ("bad_response", "answered 0, which is no answer"),
    "status-101": ("bad_response", "answered 101 Switching Protocols, which is no"),
    "status-204": ("bad_response", "answered 204 No Content, which is no answer"),
    "status-204-with-body": ("bad_response", "answered 204 No Content, which is no"),
    "smuggle-after-204": ("bad_response", "answered 204 No Content, which is no"),
    "status-205": ("bad_response", "answered 205 Reset Content, which is no answer"),
    "status-206": ("bad_response", "answered 206 Partial Content, which is no answer"),
    "status-226": ("bad_response", "answered 226 IM Used, which is no answer"),
    "status-300": ("bad_response", "answered 300 Multiple Choices, which is no"),
    "status-304": ("bad_response", "answered 304 Not Modified, which is no answer"),
    "smuggle-after-304": ("bad_response", "answered 304 Not Modified, which is no"),
    "to-nowhere": ("bad_response", "answered 302 Found without saying where to"),
    "to-nothing": ("bad_response", "answered 302 Found without saying where to"),
    "status-401": ("http_error", "answered 401 Unauthorized"),
    "status-407": ("http_error", "answered 407 Proxy Authentication Required"),
    "status-500": ("http_error", "answered 500 Internal Server Error"),
    "status-999": ("http_error", "answered 999"),
    "error-cut": ("http_error", "answered 404 Not Found"),
    **dict.fromkeys(
        "to-itself to-and-fro fro-and-to".split(),
        ("too_many_redirects", "redirects in a circle: http://NAME.example/NAME → "),
    ),
    ENDLESS_REDIRECTS: ("too_many_redirects", "more than 5 redirects, the last one to"),
    "to-file": ("bad_url", "redirects to 'file:///etc/passwd': "),
    "to-javascript": ("bad_url", "redirects to 'javascript:alert(1)': "),
    "to-data": ("bad_url", "redirects to 'data:text/html,<p>x': "),
    "to-gopher": ("bad_url", "redirects to 'gopher://127.0.0.1/_x': "),
    "to-a-port": ("bad_url", "port 22 is not among those allowed (80, 443)"),
    "to-a-user": ("bad_url", "the address carries a user name or password"),
    "to-broken": ("bad_url", "redirects to 'http://[::1/': "),
    "to-fairly-far": ("bad_url", "redirects to 'javascript:aaa"),
    "to-no-name": ("dns_error", "the name nobody.invalid does not exist"),
    "to-metadata": ("blocked_address", "169.254.169.254 is a link-local address"),
    "to-loopback": ("blocked_address", "127.0.0.1 is a loopback address"),
    "to-loopback-by-name": ("blocked_address", "127.0.0.1 is a loopback address"),
    "to-loopback-by-number": ("blocked_address", "127.0.0.1 is a loopback address"),
    "to-loopback-in-circles": ("blocked_address", "127.0.0.1 is a loopback address"),
    "to-loopback-in-ipv6": ("blocked_address", "is an IPv4-mapped address"),
    "to-inside-by-name": ("blocked_address", "inside.test leads nowhere allowed: "),
}
# By address, where more than plain HTTP is wrong: what is asked for is in its path.
ELSEWHERE: dict[str, tuple[str, str]] = {
    "https://tls-good.example/good": ("ok", "answered 200 OK"),
    "https://tls-closing.example/until-closed": ("ok", "answered 200 OK"),
    "https://tls-cut.example/ragged": ("ok", "answered 200 OK"),
    "https://tls-cut-short.example/ragged-without-length": (
        "truncated", "the body broke off after 1,280 bytes",
    ),
    "https://tls-expired.example/": (
        "tls_error", "the certificate of tls-expired.example expired on 2021-03-02",
    ),
    "https://tls-early.example/": (
        "tls_error", "the certificate of tls-early.example is not valid before 20",
    ),
    "https://tls-other.example/": (
        "tls_error", "the certificate is for else.example, not tls-other.example",
    ),
    "https://tls-own.example/": ("tls_error", "is signed by itself alone"),
    "https://tls-unknown.example/": ("tls_error", "is signed by nobody known"),
    "https://tls-weak.example/": ("tls_error", "is too weak to be safe"),
    "https://tls-old.example/": ("tls_error", "speaks only TLS that is not safe"),
    "https://tls-plain.example/": ("tls_error", "tls-plain.example:443 does not speak"),
    "https://tls-garbage.example/": ("tls_error", "tls-garbage.example:443"),
    "https://tls-stalls.example/": ("timeout", "no answer from tls-stalls.example:443"),
    "https://tls-closes.example/": ("connection_error", "closed the connection before"),
    "https://tls-resets.example/": ("connection_error", "closed the connection before"),
    "http://gone.test/": ("dns_error", "the name gone.test does not exist"),
    "http://addressless.test/": ("dns_error", "the name addressless.test has no addr"),
    "http://busy.test/": ("dns_error", "the name service gave no answer for busy.test"),
    "http://silent.test/": ("timeout", "no answer from silent.test:80 within 9 s"),
    "http://nobody.invalid/": ("dns_error", "the name nobody.invalid does not exist"),
    "http://inside.test/": ("blocked_address", "127.0.0.1 is a loopback address"),
    "http://inside-6.test/": ("blocked_address", "::1 is a loopback address"),
    "http://mapped.test/": ("blocked_address", "::ffff:10.0.0.1 is an IPv4-mapped"),
    "http://empty.test/": ("blocked_address", "it has no address"),
    "http://localhost/": ("blocked_address", "127.0.0.1 is a loopback address"),
    "http://10.1.2.3/": ("blocked_address", "10.1.2.3 is a private address"),
    "http://good.example:8080/": ("bad_url", "port 8080 is not among those allowed"),
}  # fmt: skip
NAMES: dict[str, list[str] | int] = {
    "gone.test": socket.EAI_NONAME,
    "addressless.test": socket.EAI_NODATA,
    "busy.test": socket.EAI_AGAIN,
    "inside.test": ["127.0.0.1", "10.0.0.1"],
    "inside-6.test": ["::1"],
    "mapped.test": ["::ffff:10.0.0.1"],
    "empty.test": [],
}


def all_expected() -> dict[str, tuple[str, str]]:
    """Return outcome and words for each address of the hostile web."""
    return ELSEWHERE | {
        f"http://{name}.example/{name}": (outcome, words.replace("NAME", name))
        for name, (outcome, words) in EXPECTED.items()
    }


def certificates(authority: Authority, stranger: Authority) -> dict[str, Any]:
    """Return a server's context for each host that is spoken to in TLS."""
    good = "tls-good tls-closing tls-cut tls-cut-short".split()
    return {
        **{f"{name}.example": authority.server(f"{name}.example") for name in good},
        "tls-expired.example": authority.server(
            "tls-expired.example", until=datetime(2021, 3, 2, tzinfo=UTC)
        ),
        "tls-early.example": authority.server(
            "tls-early.example", until=NOW + timedelta(days=90)
        ),
        "tls-other.example": authority.server("else.example"),
        "tls-own.example": authority.self_signed("tls-own.example"),
        "tls-unknown.example": stranger.server("tls-unknown.example"),
        "tls-weak.example": authority.server("tls-weak.example", is_weak=True),
        "tls-old.example": authority.outdated("tls-old.example"),
    }


@dataclass(frozen=True)
class Ran:
    """How a run of the command on the hostile web ended."""

    data: Path
    summary: dict[str, Any]
    errors: str
    memory_bytes: int

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the published file."""
        with duckdb.connect(str(self.data / "news.duckdb"), read_only=True) as found:
            return found.execute(statement).fetchall()


def run(
    folder: Path, origin: HostileOrigin, authority: Authority, *options: str
) -> Ran:
    """Run the command on the hub in *folder*, the web being *origin*."""
    world = {
        "authority": str(authority.path),
        "names": NAMES,
        "silent": ["silent.test"],
        "memory": str(folder / "memory"),
    }
    (folder / "world.json").write_text(json.dumps(world), "utf-8")
    done = subprocess.run(
        [sys.executable, CHILD, "world.json", "run", "--source", "hub", "--direct",
         "--json", *options],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
        env={
            **os.environ,
            "PYTHONPATH": str(CHILD.parents[1]),
            "WIREHOUSE_FETCH__CONNECT_TO": json.dumps({"*.example": origin.address}),
            "WIREHOUSE_FETCH__TOTAL_SECONDS": str(DEADLINE_SECONDS),
            "WIREHOUSE_FETCH__PER_HOST_DELAY_SECONDS": "0",
            "WIREHOUSE_FETCH__CONCURRENCY": "300",
            "WIREHOUSE_FETCH__FALLBACKS": "[]",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    memory = int((folder / "memory").read_text("ascii"))
    return Ran(folder / "data", json.loads(done.stdout), done.stderr, memory)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that is trusted."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def origin(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostileOrigin]:
    """Return the hostile web."""
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "stranger")
    with open_hostile_origin(certificates(authority, stranger)) as origin:
        yield origin


def write_hub(folder: Path, fields: Iterable[str]) -> Path:
    """Write a hub of one article for each of the *fields*, and return the folder."""
    news = folder / "hub/_news"
    news.mkdir(parents=True)
    for number, field in enumerate(fields):
        text = f"---\ntitle: {number}\n{field}\n---\n"
        (news / f"{number}.md").write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def pages(
    origin: HostileOrigin,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ran:
    """Run the command once on a hub of one article for each page of that web."""
    fields = [f"webUrl: {url}" for url in all_expected()]
    folder = write_hub(tmp_path_factory.mktemp("pages"), fields)
    return run(folder, origin, authority, "--no-images")


def test_every_behaviour_is_expected_to_be_something() -> None:
    assert set(EXPECTED) == {*BEHAVIOURS, ENDLESS_REDIRECTS}


def test_every_page_ends_in_its_word_and_a_reason(pages: Ran) -> None:
    expected = all_expected()
    rows = pages.ask("select url, outcome, reason from captures")

    assert {url: outcome for url, outcome, _ in rows} == {
        url: outcome for url, (outcome, _) in expected.items()
    }
    for url, _, reason in rows:
        assert expected[url][1] in reason, (url, reason)
        assert len(reason) < 700, (url, reason)
        assert reason.isprintable(), (url, reason)
        assert not re.search(r"\wError|Exception|aiohttp|httpx|b'", reason), (
            url,
            reason,
        )
    counted = sum(pages.summary[name] for name in ("captured", "failed", "deferred"))
    assert pages.summary["urls_due"] == counted == len(expected)


def test_all_of_it_is_over_soon(pages: Ran) -> None:
    """The one who never answers takes the whole time; nobody takes more."""
    [[seconds]] = pages.ask(
        "select epoch(max(requested_at + to_milliseconds(elapsed_ms)))"
        " - epoch(min(requested_at)) from captures"
    )

    assert DEADLINE_SECONDS <= seconds < DEADLINE_SECONDS + 5


def test_all_of_it_takes_little_memory(
    pages: Ran, origin: HostileOrigin, authority: Authority, tmp_path: Path
) -> None:
    fields = [f"webUrl: http://g{n}.example/good" for n in range(len(all_expected()))]
    good = run(write_hub(tmp_path, fields), origin, authority, "--no-images")

    assert good.summary["captured"] == len(fields)
    assert pages.memory_bytes < good.memory_bytes + MEMORY_BYTES


def test_all_of_it_makes_no_noise(pages: Ran) -> None:
    """Whatever a library logs, or drops on the floor, ends up among what is said."""
    said = "files to read|files read|are due|fetching pages|pages: |captures read"
    lines = pages.errors.splitlines()

    assert [n for n in lines if not re.search(f"{said}|published", n)] == []


def test_nobody_was_told_who_we_are_or_where_we_had_been(
    pages: Ran, origin: HostileOrigin
) -> None:
    sent = {name for _, _, headers in origin.asked for name in headers}

    usual = {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert sent == usual
    assert {h["accept-encoding"] for _, _, h in origin.asked} == {"gzip, deflate"}


def get(origin: HostileOrigin, *steps: str | float) -> list[Response]:
    """Ask `news.example` for paths; a number waits with the eyes shut.

    What comes in meanwhile lies there when the next request is made.
    """

    async def run() -> list[Response]:
        responses = []
        settings = FetchSettings(connect_to={"*.example": origin.address})
        async with open_web(settings) as web:
            for step in steps:
                if isinstance(step, str):
                    responses.append(await web.get(f"http://news.example{step}"))
                elif step > 0:
                    time.sleep(step)  # noqa: ASYNC251 - that is the point
                else:
                    await asyncio.sleep(-step)
        return responses

    return asyncio.run(run())


@pytest.mark.parametrize("pause", [0.0, 0.1, -0.1])
@pytest.mark.parametrize("name", [n for n in BEHAVIOURS if n.startswith("smuggle")])
def test_what_nobody_asked_for_answers_nobody(
    origin: HostileOrigin, name: str, pause: float
) -> None:
    """A response that follows unasked would be taken for that of the next request."""
    if name == "smuggle-after" and not pause:
        pytest.skip("it comes when the next request is under way: nobody can tell")
    first, second = get(origin, f"/{name}", pause, "/good")

    assert first.body != EVIL
    assert (second.outcome, second.body) == ("ok", PAGE)


def test_a_connection_without_surprises_is_kept(origin: HostileOrigin) -> None:
    """However its answers end."""
    names = "good gzip line-feeds one-byte-chunks status-204 status-304 early-hints"
    before = origin.connections
    get(origin, *[f"/{name}" for name in names.split()])

    assert origin.connections - before == 1
