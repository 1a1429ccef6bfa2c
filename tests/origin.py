"""A hostile web server on loopback, whose paths say how it behaves.

`/slow-body/0.1` drips a byte every 0.1 s, `/redirect/http://…` points there, and so on.
It counts connections and requests, and who is served at the same time.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tasks.settings import FetchSettings

PAGE = b"<!DOCTYPE html><title>Bees</title><p>Bees came back to the city." * 20


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in; header names are in lower case, *at* in seconds."""

    host: str
    path: str
    headers: dict[str, str]
    at: float = field(default_factory=time.monotonic)


@dataclass
class Origin:
    """What the server saw, and what it says by host: for robots.txt, and at all."""

    port: int = 0
    connections: int = 0
    asked: list[Asked] = field(default_factory=list)
    most_at_once: Counter[str] = field(default_factory=Counter)
    robots: dict[str, Callable[[Handler], None]] = field(default_factory=dict)
    hosts: dict[str, Callable[[Handler], None]] = field(default_factory=dict)
    _at_once: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """The endpoint for `connect_to`."""
        return f"127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        """Return the paths asked for, robots.txt left out."""
        return [a.path for a in self.asked if a.path != "/robots.txt"]

    def count_connection(self) -> None:
        """Note that somebody dialled."""
        with self._lock:
            self.connections += 1

    @contextlib.contextmanager
    def serve(self, asked: Asked) -> Iterator[None]:
        """Note a request for as long as it is under way."""
        with self._lock:
            self.asked.append(asked)
            self._at_once[asked.host] += 1
            now = self._at_once[asked.host]
            self.most_at_once[asked.host] = max(self.most_at_once[asked.host], now)
        try:
            yield
        finally:
            with self._lock:
                self._at_once[asked.host] -= 1


class Handler(BaseHTTPRequestHandler):
    """Answers by path; raw bytes go out for what a library would refuse to send."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment, or each answer waits 40 ms
    origin: Origin

    def setup(self) -> None:
        """Count the connection."""
        self.origin.count_connection()
        super().setup()

    def do_GET(self) -> None:
        """Find the behaviour that the path names."""
        name, _, argument = self.path.partition("?")[0].lstrip("/").partition("/")
        host = self.headers.get("Host", "")
        headers = {k.lower(): v for k, v in self.headers.items()}
        with self.origin.serve(Asked(host, self.path, headers)):
            if self.path == "/robots.txt":
                self.origin.robots.get(host, _missing)(self)
                return
            with contextlib.suppress(ConnectionError):
                if host in self.origin.hosts:
                    self.origin.hosts[host](self)
                    return
                BEHAVIOURS.get(name, _page)(self, unquote(argument))

    def handle_one_request(self) -> None:
        """Flush what is left, which the library does only once."""
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer properly; `_` in a header's name stands for `-`."""
        self.send_response(status)
        for name, value in {"Content_Type": "text/html", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in {204, 304}:
            self.wfile.write(body)

    def raw(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send bytes as they are, with pauses between, and hang up."""
        self.close_connection = True
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()
            time.sleep(pause)

    def log_message(self, *_args: Any) -> None:
        """Stay quiet."""


def _missing(it: Handler) -> None:
    it.say(404)


def _page(it: Handler, _: str) -> None:
    it.say(200, PAGE, ETag='"bees"', Last_Modified="Mon, 01 Jun 2020 00:00:00 GMT")


def _conditional(it: Handler, _: str) -> None:
    known = it.headers.get("If-None-Match") == '"bees"'
    it.say(304 if known else 200, PAGE, ETag='"bees"')


def _slow_body(it: Handler, seconds: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    it.raw(head, *[b"x"] * 100, pause=float(seconds))


def _slow_head(it: Handler, seconds: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100
    it.raw(*[head[n : n + 1] for n in range(len(head))], pause=float(seconds))


def _silent(it: Handler, seconds: str) -> None:
    time.sleep(float(seconds))
    it.say(200, PAGE)


def _endless(it: Handler, _: str) -> None:
    it.raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 64)


def _declared(it: Handler, size: str) -> None:
    it.raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + size.encode() + b"\r\n\r\nshort")


def _coded(it: Handler, how: str) -> None:
    packed = gzip.compress(PAGE)
    bomb = b"".join(_bomb()) if how == "bomb" else b""
    bare = zlib.compressobj(wbits=-15)
    body, coding = {
        "gzip": (packed, "gzip"),
        "gzip-members": (gzip.compress(PAGE[:50]) + gzip.compress(PAGE[50:]), "gzip"),
        "gzip-padding": (packed + b"\0" * 9, "gzip"),
        "gzip-cut": (packed[:-20], "gzip"),
        "gzip-not": (PAGE, "gzip"),
        "gzip-empty": (b"", "gzip"),
        "gzip-twice": (gzip.compress(packed), "gzip, gzip"),
        "bomb": (bomb, "gzip"),
        "deflate": (zlib.compress(PAGE), "deflate"),
        "deflate-raw": (bare.compress(PAGE) + bare.flush(), "deflate"),
        "br": (b"\x0b\x02\x80hello\x03", "br"),
        "identity": (PAGE, "identity"),
    }[how]
    it.say(200, body, Content_Encoding=coding)


def _bomb() -> Iterator[bytes]:
    """Yield 100 MB of zeros as 100 KB of gzip."""
    packer = zlib.compressobj(wbits=31)
    for _ in range(100):
        yield packer.compress(bytes(1_000_000))
    yield packer.flush()


def _chunks(it: Handler, how: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = {
        "good": b"5\r\nhello\r\n0\r\n\r\n",
        "bad": b"5\r\nhello\r\nzz\r\nworld\r\n",
        "cut": b"5\r\nhello\r\n",
    }[how]
    it.raw(head + body)


def _junk(it: Handler, how: str) -> None:
    it.raw(
        {
            "text": b"hello, this is not HTTP\r\n\r\n",
            "nothing": b"",
            "half": b"HTTP/1.1 200 OK\r\nContent-",
            "header": b"HTTP/1.1 200 OK\r\nX-A: 1\r\nno colon here\r\n\r\nx",
            "huge-header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\nx",
            "many-headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_000 + b"\r\nx",
            "lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
            b"Content-Length: 2\r\n\r\nxx",
            "length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nxx",
            "transfer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n"
            b"\r\n5\r\nhello\r\n0\r\n\r\n",
        }[how]
    )


def _reset(it: Handler, _: str) -> None:
    it.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome")
    # A lingering time of zero turns the end of the connection into a reset.
    it.connection.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")


def _redirect(it: Handler, location: str) -> None:
    it.say(302, b"moved", Location=location, Set_Cookie="who=you; Path=/")


def _circle(it: Handler, _: str) -> None:
    it.say(302, Location="/circle-back" if it.path == "/circle" else "/circle")


def _countdown(it: Handler, number: str) -> None:
    it.say(302, Location=f"/countdown/{int(number) + 1}")


def _slow_countdown(it: Handler, number: str) -> None:
    time.sleep(0.1)
    it.say(302, Location=f"/slow-countdown/{int(number) + 1}")


def _status(it: Handler, number: str) -> None:
    it.say(int(number), PAGE, Content_Range="bytes 0-1/2")


def _type(it: Handler, kind: str) -> None:
    it.say(200, PAGE, Content_Type=kind)


def _once_busy(it: Handler, seconds: str) -> None:
    again = [a.path for a in it.origin.asked].count(it.path) > 1
    if again:
        it.say(200, PAGE)
    else:
        it.say(503, b"busy", Retry_After=seconds)


BEHAVIOURS: dict[str, Callable[[Handler, str], None]] = {
    "conditional": _conditional,
    "slow-body": _slow_body,
    "slow-head": _slow_head,
    "silent": _silent,
    "endless": _endless,
    "declared": _declared,
    "coded": _coded,
    "chunks": _chunks,
    "junk": _junk,
    "reset": _reset,
    "redirect": _redirect,
    "circle": _circle,
    "circle-back": _circle,
    "countdown": _countdown,
    "slow-countdown": _slow_countdown,
    "status": _status,
    "type": _type,
    "once-busy": _once_busy,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what is tested."""


@contextlib.contextmanager
def open_origin(tls: ssl.SSLContext | None = None) -> Iterator[Origin]:
    """Serve on a free port of 127.0.0.1 until the end of the block."""
    origin = Origin()
    handler = type("OriginHandler", (Handler,), {"origin": origin, "timeout": 5})
    server = _Server(("127.0.0.1", 0), handler)
    origin.port = server.server_address[1]
    if tls is not None:
        server.socket = _wrap(server.socket, tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _wrap(listener: socket.socket, tls: ssl.SSLContext) -> socket.socket:
    # The handshake is left to the connection's thread, or one client blocks all.
    return tls.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)


@contextlib.contextmanager
def open_black_hole() -> Iterator[str]:
    """Give an endpoint that takes no connection and refuses none either.

    Its queue is full, so whoever dials is left without a word.
    """
    with contextlib.ExitStack() as open_sockets:
        hole = open_sockets.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(2):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the method's own signature
            waiting.connect_ex(hole.getsockname())
        yield f"127.0.0.1:{hole.getsockname()[1]}"


def settings_for(origin: Origin, **changes: Any) -> FetchSettings:
    """Lead all of `.example` to *origin*: in a hurry, and once."""
    quick = {
        "connect_to": {"*.example": origin.address},
        "total_seconds": 5.0,
        "max_bytes": 1_000_000,
        "attempts": 1,
        "per_host_delay_seconds": 0.0,
    }
    return FetchSettings(**{**quick, **changes})
