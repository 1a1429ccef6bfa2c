"""The door to the network: what each kind of answer becomes, and what it forgets."""

from __future__ import annotations

import asyncio
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tasks.models import Response
from tasks.web.client import open_web
from tasks.web.hop import SPOOL_BYTES, Hops, Visit
from tasks.web.targets import parse_target
from tasks.web.wire import look_up, open_wire
from tests.origin import PAGE, Origin, open_origin, settings_for


@pytest.fixture(scope="module")
def shared() -> Iterator[Origin]:
    """One server for all tests that do not count."""
    with open_origin() as origin:
        yield origin


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return a server that nobody has asked yet."""
    with open_origin() as origin:
        yield origin


def get(origin: Origin, path: str, **changes: Any) -> Response:
    """Get one path of the server as `news.example`."""
    [response] = get_all(origin, [f"http://news.example{path}"], **changes)
    return response


def get_all(
    origin: Origin,
    urls: list[str],
    headers: dict[str, str] | None = None,
    **changes: Any,
) -> list[Response]:
    """Get addresses one after another through one open door."""

    async def run() -> list[Response]:
        async with open_web(settings_for(origin, **changes)) as web:
            return [await web.get(url, headers=headers) for url in urls]

    return asyncio.run(run())


def test_a_page_comes_back_whole_with_its_exchange(shared: Origin) -> None:
    """The answer holds what a WARC needs and what a reader needs."""
    now = datetime(2020, 6, 11, tzinfo=UTC)

    async def run() -> Response:
        async with open_web(settings_for(shared), clock=lambda: now) as web:
            return await web.get("http://news.example/coded/gzip#part")

    response = asyncio.run(run())

    assert (response.outcome, response.status_code) == ("ok", 200)
    assert response.body == PAGE
    assert response.final_url == "http://news.example/coded/gzip"
    [exchange] = response.exchanges
    assert exchange.url == "http://news.example/coded/gzip"
    assert exchange.address == "127.0.0.1"
    assert exchange.requested_at == now
    assert exchange.reason_phrase == "OK"
    assert exchange.raw_body.startswith(b"\x1f\x8b")
    assert (b"Host", b"news.example") in exchange.request_headers
    assert (b"Content-Encoding", b"gzip") in exchange.headers


BODIES = {
    "/page": ("ok", "answered 200 OK"),
    "/status/203": ("ok", "answered 203 Non-Authoritative Information"),
    "/coded/gzip": ("ok", "answered 200 OK"),
    "/coded/gzip-members": ("ok", "answered 200 OK"),
    "/coded/gzip-padding": ("ok", "answered 200 OK"),
    "/coded/deflate": ("ok", "answered 200 OK"),
    "/coded/deflate-raw": ("ok", "answered 200 OK"),
    "/coded/identity": ("ok", "answered 200 OK"),
    "/status/404": ("http_error", "answered 404 Not Found"),
    "/status/500": ("http_error", "answered 500 Internal Server Error"),
    "/status/999": ("http_error", "answered 999"),
}
FAULTS = {
    "/coded/gzip-cut": ("truncated", "the compressed body breaks off before its end"),
    "/coded/gzip-not": ("bad_encoding", "is not in the coding that its header names"),
    "/coded/gzip-twice": ("bad_response", "coded more than once: 'gzip, gzip'"),
    "/coded/br": ("bad_response", "coded as 'br', which was not asked for"),
    "/coded/bomb": ("too_large", "larger than allowed once decoded"),
    "/declared/100000000": ("too_large", "100,000,000 bytes, allowed are 1,000,000"),
    "/endless": ("too_large", "more than the 1,000,000 bytes allowed"),
    "/declared/1000": ("truncated", "broke off after 5 of 1,000 bytes"),
    "/reset": ("truncated", "broke off after 4 of 1,000 bytes"),
    "/chunks/bad": ("truncated", "broke off"),
    "/chunks/cut": ("truncated", "broke off after 5 bytes"),
    "/junk/text": ("bad_response", "did not answer in valid HTTP"),
    "/junk/header": ("bad_response", "did not answer in valid HTTP"),
    "/junk/huge-header": ("bad_response", "is longer than 32,768 bytes"),
    "/junk/many-headers": ("bad_response", "it has too many headers"),
    "/junk/length": ("bad_response", "its length is no number"),
    "/junk/lengths": ("bad_response", "it tells its length more than once"),
    "/junk/transfer": ("bad_response", "'gzip, chunked' was not asked for"),
    "/junk/nothing": ("connection_error", "closed the connection before it answered"),
    "/junk/half": ("connection_error", "closed the connection before it answered"),
    "/status/204": ("bad_response", "answered 204 No Content"),
    "/status/206": ("bad_response", "answered 206 Partial Content"),
    "/status/304": ("bad_response", "answered 304 Not Modified"),
    "/status/300": ("bad_response", "answered 300 Multiple Choices"),
    "/status/302": ("bad_response", "answered 302 Found without saying where to"),
    "/redirect/file:///etc/passwd": ("bad_url", "not an http or https address"),
    "/redirect/http://u:p@news.example/": ("bad_url", "a user name or password"),
    "/redirect/http://news.example:22/": ("bad_url", "port 22 is not among"),
    "/redirect/http://[/": ("bad_url", "redirects to 'http://[/'"),
    "/redirect/http://169.254.169.254/x": ("blocked_address", "a link-local address"),
    "/redirect/http://dead.invalid/": (
        "dns_error",
        "the name dead.invalid does not exist",
    ),
    "/circle": ("too_many_redirects", "circle → http://news.example/circle-back → "),
    "/countdown/0": ("too_many_redirects", "more than 5 redirects, the last one to "),
}


@pytest.mark.parametrize("path", BODIES)
def test_an_answer_with_a_page_is_kept(shared: Origin, path: str) -> None:
    """Headers and decoded body are there, for error pages too."""
    response = get(shared, path)

    assert (response.outcome, response.reason) == BODIES[path]
    assert response.body == PAGE
    assert response.headers


@pytest.mark.parametrize("path", FAULTS)
def test_an_answer_without_a_page_has_a_reason(shared: Origin, path: str) -> None:
    """Every fault is one word and one sentence, and leaves no half page."""
    response = get(shared, path)

    outcome, words = FAULTS[path]
    assert (response.outcome, response.body, response.headers) == (outcome, b"", ())
    assert words in response.reason


def test_chunks_are_joined_and_an_empty_coded_body_is_empty(shared: Origin) -> None:
    """Transfer codings are not part of the body."""
    assert get(shared, "/chunks/good").body == b"hello"
    assert get(shared, "/coded/gzip-empty").outcome == "ok"


@pytest.mark.parametrize("path", ["/slow-body/0.05", "/slow-head/0.05", "/silent/1"])
def test_the_deadline_is_for_the_whole_however_it_drips(
    shared: Origin, path: str
) -> None:
    """A byte now and then does not prolong it."""
    started = time.monotonic()
    response = get(shared, path, total_seconds=0.3)

    assert response.outcome == "timeout"
    assert response.reason.endswith("from news.example:80 within 0.3 s")
    assert 250 < response.elapsed_ms < 900
    assert time.monotonic() - started < 1.5


def test_redirects_share_one_deadline(shared: Origin) -> None:
    """Each hop has only what the hops before it left."""
    response = get(shared, "/slow-countdown/0", total_seconds=0.35)

    assert response.outcome == "timeout"
    assert 1 <= len(response.exchanges) <= 3


def test_a_bomb_takes_no_memory(shared: Origin) -> None:
    """100 MB of zeros stop at the limit."""
    tracemalloc.start()
    get(shared, "/coded/bomb")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # The server, in this process, takes a megabyte or two of it.
    assert peak < 12_000_000


def test_each_hop_of_a_redirect_is_recorded(shared: Origin) -> None:
    """The answer is that of the last hop."""
    response = get(shared, "/redirect//redirect//page")

    assert response.outcome == "ok"
    assert response.final_url == "http://news.example/page"
    assert [e.status_code for e in response.exchanges] == [302, 302, 200]
    assert response.exchanges[0].raw_body == b"moved"


def test_nothing_is_remembered_and_nobody_is_introduced(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """No cookies, no credentials, no proxy, and of the headers only harmless ones."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine news.example login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    headers = {
        "Authorization": "Bearer x",
        "Cookie": "a=b",
        "Accept": "text/html",
        "If-None-Match": '"x"\r\nCookie: c=d',
    }
    urls = ["http://news.example/redirect//page", "http://news.example/page"]
    get_all(origin, urls, headers)

    assert len(origin.asked) == 3
    for asked in origin.asked:
        assert set(asked.headers) == {
            "host",
            "connection",
            "user-agent",
            "accept",
            "accept-encoding",
        }
        assert asked.headers["accept-encoding"] == "gzip, deflate"
        assert asked.headers["accept"] == "text/html"
        assert asked.headers["user-agent"].startswith("Wirehouse/")


def test_conditions_are_sent_and_304_is_an_answer(shared: Origin) -> None:
    """Whoever has a copy may ask whether it is still good."""
    url = "http://news.example/conditional"
    [same] = get_all(shared, [url], {"If-None-Match": '"bees"'})
    [changed] = get_all(shared, [url], {"If-None-Match": '"wasps"'})

    assert (same.outcome, same.reason) == ("not_modified", "answered 304 Not Modified")
    assert (changed.outcome, changed.body) == ("ok", PAGE)


def test_connections_are_used_again(origin: Origin) -> None:
    """A polite client does not dial anew for each page."""
    get_all(origin, ["http://news.example/page"] * 3)

    assert (len(origin.asked), origin.connections) == (3, 1)


@pytest.mark.parametrize(
    "path", ["/a%252Fb", "/%7Ea", "/a?x=%2F&y=a+b&z=%zz", "/a//b", "/a?"]
)
def test_an_address_is_sent_as_it_is_spelled(origin: Origin, path: str) -> None:
    """Signed addresses break if an escape is rewritten."""
    get(origin, path)

    assert origin.paths() == [path]


def test_a_request_that_holds_a_line_break_is_not_sent(origin: Origin) -> None:
    """Whatever is let through above, nobody gets a second request in with one."""
    request = httpx.Request(
        "GET",
        "http://stand-in.invalid/",
        headers=[(b"Host", b"news.example"), (b"Accept", b"a\r\n\r\nGET /b HTTP/1.1")],
        extensions={"url": "http://news.example/a"},
    )

    async def send() -> None:
        trust = ssl.create_default_context()
        async with open_wire(settings_for(origin), trust, look_up) as wire:
            await wire.handle_async_request(request)

    with pytest.raises(ValueError, match="line break"):
        asyncio.run(send())
    assert origin.asked == []


def test_a_host_that_one_library_dislikes_is_asked_all_the_same(origin: Origin) -> None:
    """Emoji and underscores are not allowed, but exist."""
    urls = ["http://xn--ls8h.example/", "http://my_site.example/"]
    responses = get_all(origin, urls)

    assert [r.outcome for r in responses] == ["ok", "ok"]
    assert [a.host for a in origin.asked] == ["xn--ls8h.example", "my_site.example"]


UNUSABLE = {
    "": ("bad_url", "the address is empty"),
    "news.example": ("bad_url", "is not an absolute address"),
    "file:///etc/passwd": ("bad_url", "is not an http or https address"),
    "ftp://news.example/": ("bad_url", "is not an http or https address"),
    "http://news.example:65536/": ("bad_url", "has a host or port"),
    "http://news.example:8080/": ("bad_url", "port 8080 is not among those allowed"),
    "http://me@news.example/": ("bad_url", "a user name or password"),
    "http://:secret@news.example/": ("bad_url", "a user name or password"),
    "http://nobody.invalid/": ("dns_error", "the name nobody.invalid does not exist"),
    "http://hidden.onion/": ("dns_error", "the name hidden.onion does not exist"),
    f"http://{'a' * 64}.invalid/": ("dns_error", "the name aaa"),
    "http://dead.test/": ("connection_error", "nothing listens at dead.test:80"),
    "https://news.example/": ("tls_error", "news.example:443 does not speak TLS"),
}


@pytest.mark.parametrize("url", UNUSABLE)
def test_an_address_that_leads_nowhere_has_a_reason(origin: Origin, url: str) -> None:
    """Nobody is asked, and the reason names what is wrong."""
    [response] = get_all(
        origin,
        [url],
        connect_to={"*.example": origin.address, "dead.test": "127.0.0.1:1"},
    )

    outcome, words = UNUSABLE[url]
    assert (response.outcome, response.url) == (outcome, url)
    assert words in response.reason
    assert (response.exchanges, origin.asked) == ((), [])


@pytest.mark.parametrize(
    "location",
    [
        "http://you:secret@news.example/",
        "http://secret@[::1/",
        "//you:secret@news.example:22/",
        "http:\\\\you:secret@news.example\\",
        "ht\ttp://you:sec@secret@news.example/",
        "ftp://you:secret@news.example/",
    ],
)
def test_a_password_that_a_redirect_carries_is_not_repeated(
    origin: Origin, location: str
) -> None:
    """A reason is for everybody's eyes; where it led is told all the same."""
    origin.hosts["news.example"] = lambda it: it.say(302, Location=location)
    response = get(origin, "/a")

    assert response.outcome == "bad_url"
    assert "secret" not in response.reason
    assert "…@" in response.reason


def test_a_port_is_judged_by_the_address_not_by_where_it_leads(origin: Origin) -> None:
    """The server's own port is allowed to nobody."""
    url = f"http://news.example:{origin.port}/"
    [refused] = get_all(origin, [url])
    [allowed] = get_all(origin, [url], ports=(origin.port,))

    assert (refused.outcome, allowed.outcome) == ("bad_url", "ok")
    assert origin.asked[0].host == f"news.example:{origin.port}"


def test_a_connect_to_that_is_no_address_is_a_mistake_of_the_settings(
    origin: Origin,
) -> None:
    """It is told at once, not for every page."""
    with pytest.raises(ValueError, match="'localhost:80' is not an IP address"):
        get(origin, "/page", connect_to={"*.example": "localhost:80"})


def test_a_user_agent_that_no_header_can_hold_is_one_too(origin: Origin) -> None:
    """A line break would start a header of its own."""
    for name in ("Jürgen/1", "W/1\r\nCookie: a=b"):
        with pytest.raises(ValueError, match="is not in plain ASCII"):
            get(origin, "/page", user_agent=name)


def test_being_cancelled_is_no_outcome(shared: Origin) -> None:
    """Ctrl-C ends a request at once and leaves nothing open."""

    async def run() -> None:
        async with open_web(settings_for(shared)) as web:
            task = asyncio.create_task(web.get("http://news.example/silent/1"))
            await asyncio.sleep(0.1)
            task.cancel()
            await task

    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert time.monotonic() - started < 0.9


class Pieces(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """Answers with so many bytes, a few at a time."""

    def __init__(self, size: int, piece: int) -> None:
        self._size = size
        self._piece = piece

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer whatever was asked."""
        del request
        told = {"peer": "93.184.215.14", "reason": "OK"}
        return httpx.Response(200, stream=self, extensions=told)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(0, self._size, self._piece):
            yield bytes([ord("x")] * self._piece)  # a new one each time


@pytest.mark.parametrize("size", [300, SPOOL_BYTES, 3 * SPOOL_BYTES])
def test_a_body_in_tiny_pieces_is_whole_and_takes_little_more_than_its_bytes(
    size: int,
) -> None:
    url = "http://news.example/"
    visit = Visit(url, {}, max_bytes=size, seconds_left=60.0, final_url=url)
    hops = Hops(Pieces(size, piece=4), "Tester", lambda: datetime.now(UTC))
    tracemalloc.start()
    try:
        fault = asyncio.run(hops.ask(visit, parse_target(url, {80})))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert fault is None
    [exchange] = visit.exchanges
    assert exchange.raw_body == b"x" * size
    assert peak < 2 * size + SPOOL_BYTES + 200_000
