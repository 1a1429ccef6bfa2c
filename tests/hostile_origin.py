"""A web server that does all that it should not; host and path name the behaviour.

What is asked for in plain HTTP is found by the first part of the path, what is dialled
by TLS by the name in its greeting. Every connection has a thread of its own.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache, partial

PAGE = b"<!DOCTYPE html><title>Bees</title><p>Bees came back to the city." * 20
EVIL = b"<!DOCTYPE html><title>Wasps</title><p>This was smuggled in."


class End(Enum):
    """How a connection ends, if not by being closed."""

    KEEP = "another request may follow"
    HOLD = "nothing more is said, but nothing is closed"
    RESET = "it is torn down"
    RAGGED = "TLS is not said goodbye to"


# What is sent, seconds of silence, and the end.
Script = Iterable[bytes | float | End]

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS_BYTES = 400_000_000  # what no client should wait for


def page(body: bytes = PAGE, *headers: bytes) -> bytes:
    """Return a proper answer with *body*."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return OK + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def moved(location: bytes, *headers: bytes) -> bytes:
    """Return a redirect."""
    lines = b"".join(
        header + b"\r\n" for header in (b"Location: " + location, *headers)
    )
    return b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + lines + b"\r\n"


def _flood(unit: bytes) -> Iterator[bytes]:
    block = unit * (65_536 // len(unit) + 1)
    return itertools.repeat(block, ENDLESS_BYTES // len(block))


def _drip(text: bytes, seconds: float = 0.3) -> Iterator[bytes | float]:
    for byte in text:
        yield bytes([byte])
        yield seconds


def _status(line: bytes) -> Script:
    return (b"HTTP/1.1 " + line + b"\r\nContent-Length: 5\r\n\r\nhello",)


def _coded(body: bytes, coding: bytes) -> Script:
    return (page(body, b"Content-Encoding: " + coding), End.KEEP)


@cache
def _bomb(window: int) -> bytes:
    """Return 100 MB of zeros as 100 KB; *window* tells zlib the format."""
    packer = zlib.compressobj(wbits=window)
    parts = [packer.compress(bytes(1_000_000)) for _ in range(100)]
    return b"".join((*parts, packer.flush()))


def _deflated(text: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(text) + packer.flush()


_PACKED = gzip.compress(PAGE)


def _headed(flags: int, fields: bytes) -> Script:
    """Send a gzip member with more in its head than others have."""
    head = _PACKED[:3] + bytes([flags]) + _PACKED[4:10]
    return _coded(head + fields + _PACKED[10:], b"gzip")


def _chunked_by(coding: bytes) -> Script:
    head = OK + b"Transfer-Encoding:" + coding
    return (head + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n",)


_HEADS = b"".join(b"X-%d: y\r\n" % number for number in range(10_000))

BEHAVIOURS: Mapping[str, Callable[[], Script]] = {
    # as it should be
    "good": lambda: (page(), End.KEEP),
    "gzip": lambda: _coded(_PACKED, b"gzip"),
    "gzip-members": lambda: _coded(
        gzip.compress(PAGE[:50]) + gzip.compress(PAGE[50:]), b"gzip"
    ),
    "gzip-junk-after": lambda: _coded(_PACKED + b"junk" * 9, b"x-gzip"),
    "deflate": lambda: _coded(zlib.compress(PAGE), b"deflate"),
    "deflate-raw": lambda: _coded(_deflated(PAGE, -15), b"deflate"),
    "cookies": lambda: (
        page(PAGE, b"Set-Cookie: who=you; Path=/", b"WWW-Authenticate: Basic"),
        End.KEEP,
    ),
    "refresh": lambda: (page(PAGE, b"Refresh: 0; url=http://127.0.0.1/"), End.KEEP),
    "line-feeds": lambda: (page().replace(b"\r\n", b"\n"), End.KEEP),
    "folded": lambda: (page(PAGE, b"X-Long: a\r\n b\r\n\tc"), End.KEEP),
    "early-hints": lambda: (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + page(),
        End.KEEP,
    ),
    "one-byte-chunks": lambda: (
        CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in PAGE) + b"0\r\n\r\n",
        End.KEEP,
    ),
    "until-closed": lambda: (OK + b"\r\n" + PAGE,),
    "old-version": lambda: (page().replace(b"HTTP/1.1", b"HTTP/1.0"),),
    # silence and slowness
    "never": lambda: (End.HOLD,),
    "drip-status": lambda: _drip(b"HTTP/1.1 200 " + b"O" * 900),
    "drip-head": lambda: itertools.chain((OK,), _drip(b"X-Slow: " + b"x" * 900)),
    "drip-body": lambda: itertools.chain((page()[:200],), _drip(PAGE)),
    "drip-chunks": lambda: itertools.chain((CHUNKED,), _drip(b"1\r\nx\r\n" * 900)),
    "stalled-body": lambda: (page()[:-10], End.HOLD),
    "error-stalled": lambda: (
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\nhello", End.HOLD
    ),
    "error-drip": lambda: itertools.chain(
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 1000\r\n\r\n",), _drip(PAGE)
    ),
    "to-good-stalled": lambda: (
        b"HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 9\r\n\r\ncut",
        End.HOLD,
    ),
    # hanging up
    "close": lambda: (),
    "close-in-status": lambda: (b"HTTP/1.",),
    "close-in-head": lambda: (OK + b"X-Half: a",),
    "reset": lambda: (End.RESET,),
    "reset-in-head": lambda: (OK + b"X-Half: a", 0.1, End.RESET),
    "reset-in-body": lambda: (page()[:-10], 0.1, End.RESET),
    "reset-without-length": lambda: (OK + b"\r\n" + PAGE, 0.1, End.RESET),
    # without an end
    "endless-status": lambda: itertools.chain((b"HTTP/1.1 200 ",), _flood(b"O")),
    "endless-header": lambda: itertools.chain((OK + b"X: ",), _flood(b"x")),
    "endless-headers": lambda: itertools.chain((OK,), _flood(b"X: y\r\n")),
    "endless-body": lambda: itertools.chain((OK + b"\r\n",), _flood(b"x")),
    "endless-chunks": lambda: itertools.chain(
        (CHUNKED,), _flood(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    ),
    "endless-small-chunks": lambda: itertools.chain((CHUNKED,), _flood(b"1\r\nx\r\n")),
    "endless-hints": lambda: _flood(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "endless-continue": lambda: _flood(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless-extension": lambda: itertools.chain((CHUNKED + b"5;x=",), _flood(b"y")),
    "endless-extensions": lambda: itertools.chain(
        (CHUNKED,), _flood(b"1;" + b"e" * 4000 + b"\r\nx\r\n")
    ),
    "endless-trailer": lambda: itertools.chain(
        (CHUNKED + b"5\r\nhello\r\n0\r\nX: ",), _flood(b"x")
    ),
    "endless-trailers": lambda: itertools.chain(
        (CHUNKED + b"5\r\nhello\r\n0\r\n",), _flood(b"X: y\r\n")
    ),
    "endless-line-ends": lambda: _flood(b"\r\n"),
    "endless-zeros": lambda: itertools.chain((CHUNKED,), _flood(b"0")),
    # lengths
    "length-short": lambda: (OK + b"Content-Length: 1000\r\n\r\nhello",),
    "length-long": lambda: (OK + b"Content-Length: 5\r\n\r\nhello and more",),
    "length-negative": lambda: (OK + b"Content-Length: -5\r\n\r\nhello",),
    "length-plus": lambda: (OK + b"Content-Length: +5\r\n\r\nhello",),
    "length-words": lambda: (OK + b"Content-Length: five\r\n\r\nhello",),
    "length-conflicting": lambda: (
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    ),
    "length-twice": lambda: (
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    ),
    "length-list": lambda: (OK + b"Content-Length: 5, 5\r\n\r\nhello",),
    "length-huge": lambda: (OK + b"Content-Length: 99999999999\r\n\r\nhello",),
    "length-beyond-numbers": lambda: (
        OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\nhello",
    ),
    "length-and-chunks": lambda: (
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
    ),
    "length-empty": lambda: (OK + b"Content-Length:\r\n\r\nhello",),
    "length-spaced": lambda: (OK + b"Content-Length: 5 5\r\n\r\nhello",),
    "length-zeros": lambda: (OK + b"Content-Length: 0005\r\n\r\nhello",),
    # chunks
    "chunk-size-signed": lambda: (CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",),
    "chunk-size-wraps": lambda: (
        CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    ),
    "chunk-size-largest": lambda: (CHUNKED + b"f" * 16 + b"\r\nhello\r\n",),
    "chunk-size-alone": lambda: (CHUNKED + b"5\nhello\n0\n\n",),
    "chunk-extension-broken": lambda: (
        CHUNKED + b'5;a="x\ny"\r\nhello\r\n0\r\n\r\n',
    ),
    "trailer-length": lambda: (
        CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n",
    ),
    "trailers-1000": lambda: (
        CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 1_000 + b"\r\n",
    ),
    "chunk-size-bad": lambda: (CHUNKED + b"5\r\nhello\r\n", 0.1, b"zz\r\nworld\r\n"),
    "chunk-size-bad-at-once": lambda: (CHUNKED + b"5\r\nhello\r\nzz\r\nworld\r\n",),
    "chunk-size-negative": lambda: (CHUNKED, 0.1, b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk-size-huge": lambda: (CHUNKED + b"f" * 40 + b"\r\nhello\r\n",),
    "chunk-size-prefixed": lambda: (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",),
    "chunk-longer": lambda: (CHUNKED + b"3\r\nhello\r\n0\r\n\r\n",),
    "chunks-without-end": lambda: (CHUNKED + b"5\r\nhello\r\n",),
    "chunks-half-end": lambda: (CHUNKED + b"5\r\nhello\r\n0\r\n",),
    "chunks-reset": lambda: (CHUNKED + b"5\r\nhello\r\n", 0.1, End.RESET),
    "transfer-gzip": lambda: (
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    "transfer-twice": lambda: (
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
    ),
    "transfer-unknown": lambda: (OK + b"Transfer-Encoding: rot13\r\n\r\nuryyb",),
    **{
        f"transfer-{name}": partial(_chunked_by, value)
        for name, value in {
            "x": b" xchunked",
            "empty": b"",
            "tabbed": b" \x0bchunked",
            "quoted": b' "chunked"',
            "chunked-last-but-one": b" chunked, identity",
            "chunked-twice": b" chunked, chunked",
        }.items()
    },
    "transfer-identity": lambda: (OK + b"Transfer-Encoding: identity\r\n\r\n" + PAGE,),
    # codings
    "gzip-unsaid": lambda: (page(_PACKED), End.KEEP),
    "gzip-empty": lambda: _coded(b"", b"gzip"),
    "coding-none": lambda: _coded(PAGE, b"None"),
    "coding-charset": lambda: _coded(PAGE, b"UTF-8"),
    "empty": lambda: (page(b""), End.KEEP),
    "blank": lambda: (page(b"\xef\xbb\xbf \r\n\t"), End.KEEP),
    "gzip-extra": lambda: _headed(4, struct.pack("<H", 65_535) + b"x" * 65_535),
    "gzip-name": lambda: _headed(8, b"x" * 100_000 + b"\0"),
    "gzip-reserved": lambda: _headed(0xE0, b""),
    "gzip-name-endless": lambda: itertools.chain(
        (OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08" + bytes(6),),
        _flood(b"x"),
    ),
    "gzip-size-wrong": lambda: _coded(_PACKED[:-4] + b"\xff" * 4, b"gzip"),
    "gzip-two-lines": lambda: (
        page(_PACKED, b"Content-Encoding: gzip", b"Content-Encoding: gzip"),
    ),
    "deflate-is-gzip": lambda: _coded(_PACKED, b"deflate"),
    "deflate-dictionary": lambda: _coded(b"\x78\xbb" + bytes(4) + _PACKED, b"deflate"),
    "gzip-cut": lambda: _coded(_PACKED[:-20], b"gzip"),
    "gzip-without-trailer": lambda: _coded(_PACKED[:-8], b"gzip"),
    "gzip-damaged": lambda: _coded(_PACKED[:-5] + b"\0" + _PACKED[-4:], b"gzip"),
    "gzip-not": lambda: _coded(PAGE, b"gzip"),
    "gzip-twice": lambda: _coded(gzip.compress(_PACKED), b"gzip, gzip"),
    "gzip-hundred-times": lambda: _coded(_PACKED, b",".join([b"gzip"] * 100)),
    "gzip-many-members": lambda: _coded(gzip.compress(b"") * 200_000, b"gzip"),
    "gzip-bomb": lambda: _coded(_bomb(31), b"gzip"),
    "gzip-endless": lambda: itertools.chain(
        (OK + b"Content-Encoding: gzip\r\n\r\n" + _PACKED,), _flood(gzip.compress(b""))
    ),
    "deflate-bomb": lambda: _coded(_bomb(15), b"deflate"),
    "deflate-raw-bomb": lambda: _coded(_bomb(-15), b"deflate"),
    "deflate-cut": lambda: _coded(zlib.compress(PAGE)[:-9], b"deflate"),
    "brotli": lambda: _coded(b"\x0b\x02\x80hello\x03", b"br"),
    "zstd": lambda: _coded(b"\x28\xb5\x2f\xfd\x04\x58", b"zstd"),
    "coding-unknown": lambda: _coded(PAGE, b"rot13"),
    "coding-long": lambda: _coded(PAGE, b"x" * 9_000),
    # heads
    "head-90-kb": lambda: (page(PAGE, b"X-Large: " + b"x" * 90_000),),
    "head-400-kb": lambda: (page(PAGE, *[b"X-Large: " + b"x" * 20_000] * 20),),
    "headers-10000": lambda: (OK + _HEADS + b"\r\n" + PAGE,),
    "header-nul": lambda: (page(PAGE, b"X-Nul: a\0b"),),
    "header-nameless": lambda: (page(PAGE, b": nameless"),),
    "header-colonless": lambda: (page(PAGE, b"no colon here"),),
    "header-spaced": lambda: (page(PAGE, b"X Spaced : a"),),
    "header-not-ascii": lambda: (page(PAGE, b"X-Odd: \xff\xfe\x80"), End.KEEP),
    "reason-not-ascii": lambda: (
        page().replace(b"200 OK", b"200 \xff\xfe\x80"), End.KEEP
    ),
    "head-bare-cr": lambda: (page(PAGE, b"X-A: b\rX-C: d"),),
    "type-not-ascii": lambda: (
        page().replace(b"text/html", b"text/html; charset=\xff\x01"), End.KEEP
    ),
    # not HTTP, or not this one
    "http-0.9": lambda: (PAGE,),
    "http-2": lambda: (b"\0\0\x12\x04\0\0\0\0\0" + bytes(18),),
    "http-2-preface": lambda: (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",),
    "http-9": lambda: (page().replace(b"HTTP/1.1", b"HTTP/9.9"),),
    "garbage": lambda: (bytes(range(256)) * 40,),
    "zeros": lambda: (bytes(100_000),),
    "a-request": lambda: (b"GET / HTTP/1.1\r\nHost: you.example\r\n\r\n",),
    "ssh": lambda: (b"SSH-2.0-OpenSSH_9.9\r\n",),
    "tls-alert": lambda: (b"\x15\x03\x01\x00\x02\x02\x28",),
    "version-lower": lambda: (page().replace(b"HTTP", b"http"),),
    "version-1.10": lambda: (page().replace(b"/1.1", b"/1.10"),),
    "icecast": lambda: (page().replace(b"HTTP/1.1", b"ICY"),),
    "blank-lines-first": lambda: (b"\r\n" * 50 + page(),),
    "mark-first": lambda: (b"\xef\xbb\xbf" + page(),),
    "hints-1000": lambda: (b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" * 1_000 + page(),),
    "hints-to-loopback": lambda: (
        b"HTTP/1.1 103 Hints\r\nLocation: http://127.0.0.1/\r\n\r\n" + page(), End.KEEP
    ),
    "hints-then-nothing": lambda: (b"HTTP/1.1 103 Hints\r\n\r\n",),
    "continue-with-body": lambda: (
        b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + page(),
    ),
    "cookies-400-kb": lambda: (page(PAGE, *[b"Set-Cookie: a=" + b"b" * 4_000] * 100),),
    # statuses
    "status-split": lambda: _status(b"2 00"),
    "status-signed": lambda: _status(b"+200 OK"),
    "status-305": lambda: (moved(b"/good").replace(b"302 Found", b"305 Use Proxy"),),
    "status-300-elsewhere": lambda: (moved(b"/good").replace(b"302 F", b"300 F"),),
    "status-200-elsewhere": lambda: (
        page(PAGE, b"Location: http://127.0.0.1/"), End.KEEP
    ),
    "status-000": lambda: _status(b"000 None"),
    "status-42": lambda: _status(b"42 Answer"),
    "status-1000": lambda: _status(b"1000 Many"),
    "status-word": lambda: _status(b"OK OK"),
    "status-101": lambda: (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n\x81\x05",
        End.HOLD,
    ),
    "status-199": lambda: (b"HTTP/1.1 199 Odd\r\n\r\n", End.HOLD),
    "status-204": lambda: (b"HTTP/1.1 204 No Content\r\n\r\n", End.KEEP),
    "status-204-with-body": lambda: _status(b"204 No Content"),
    "status-205": lambda: _status(b"205 Reset Content"),
    "status-206": lambda: _status(b"206 Partial Content"),
    "status-226": lambda: _status(b"226 IM Used"),
    "status-300": lambda: _status(b"300 Multiple Choices"),
    "status-304": lambda: (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", End.KEEP),
    "status-401": lambda: (
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        End.KEEP,
    ),
    "status-407": lambda: _status(b"407 Proxy Authentication Required"),
    "status-500": lambda: _status(b"500 Internal Server Error"),
    "status-999": lambda: _status(b"999 Request denied"),
    "error-cut": lambda: (
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\nhello",
    ),
    # redirects
    "to-nowhere": lambda: (moved(b"", b"X: y").replace(b"Location: \r\n", b""),),
    "to-nothing": lambda: (moved(b""),),
    "to-itself": lambda: (moved(b"/to-itself"), End.KEEP),
    "to-and-fro": lambda: (moved(b"/fro-and-to"), End.KEEP),
    "fro-and-to": lambda: (moved(b"/to-and-fro"), End.KEEP),
    "to-good": lambda: (moved(b"/good", b"Set-Cookie: a=b"), End.KEEP),
    "to-good-slowly": lambda: (
        b"HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 9\r\n\r\ncut",
    ),
    "to-file": lambda: (moved(b"file:///etc/passwd"), End.KEEP),
    "to-javascript": lambda: (moved(b"javascript:alert(1)"), End.KEEP),
    "to-data": lambda: (moved(b"data:text/html,<p>x"), End.KEEP),
    "to-gopher": lambda: (moved(b"gopher://127.0.0.1/_x"), End.KEEP),
    "to-metadata": lambda: (moved(b"http://169.254.169.254/latest/"), End.KEEP),
    "to-loopback": lambda: (moved(b"http://127.0.0.1/"), End.KEEP),
    "to-loopback-by-name": lambda: (moved(b"http://localhost/"), End.KEEP),
    "to-loopback-by-number": lambda: (moved(b"http://2130706433/"), End.KEEP),
    "to-loopback-in-ipv6": lambda: (moved(b"//[::ffff:7f00:1]/"), End.KEEP),
    "to-loopback-in-circles": lambda: (
        moved("http://①②⑦.⓪.⓪.①/".encode()), End.KEEP
    ),
    "to-inside-by-name": lambda: (moved(b"http://inside.test/"), End.KEEP),
    "to-a-port": lambda: (moved(b"http://good.example:22/"), End.KEEP),
    "to-a-user": lambda: (moved(b"http://you:secret@good.example/"), End.KEEP),
    "to-broken": lambda: (moved(b"http://[::1/"), End.KEEP),
    "to-two-lines": lambda: (moved(b"/good\r\nX-Injected: yes"), End.KEEP),
    "to-tabs": lambda: (moved(b"/go\tod"), End.KEEP),
    "to-far-away": lambda: (moved(b"/" + b"a" * 100_000),),
    "to-fairly-far": lambda: (moved(b"javascript:" + b"a" * 30_000), End.KEEP),
    "to-no-name": lambda: (moved(b"http://nobody.invalid/"), End.KEEP),
    "to-a-fragment": lambda: (moved(b"#top"), End.KEEP),
    "to-nul": lambda: (moved(b"/go\0od"), End.KEEP),
    "to-two-places": lambda: (
        moved(b"/good", b"Location: http://127.0.0.1/"), End.KEEP
    ),
    "to-any-scheme": lambda: (moved(b"//good.example/good"), End.KEEP),
    "to-a-user-alone": lambda: (moved(b"//you@127.0.0.1/"), End.KEEP),
    "to-capitals": lambda: (moved(b"HTTP://GOOD.EXAMPLE/good"), End.KEEP),
    "to-escaped-host": lambda: (moved(b"http://%67ood.example/good"), End.KEEP),
    "to-ideographic-dots": lambda: (
        moved("http://good\u3002example/good".encode()), End.KEEP
    ),
    "to-umlaut": lambda: (moved(b"http://b\xfccher.example/good"), End.KEEP),
    "to-loopback-escaped": lambda: (moved(b"http://%31%32%37.0.0.1/"), End.KEEP),
    "to-loopback-in-octal": lambda: (moved(b"http://0177.0.0.1/"), End.KEEP),
    "to-loopback-backwards": lambda: (moved(b"\\\\127.0.0.1\\"), End.KEEP),
    "to-nat64": lambda: (moved(b"http://[64:ff9b::7f00:1]/"), End.KEEP),
    "to-a-zone": lambda: (moved(b"http://[fe80::1%25eth0]/"), End.KEEP),
    "to-port-0": lambda: (moved(b"http://good.example:0/"), End.KEEP),
    "to-two-ports": lambda: (moved(b"http://good.example:80:80/"), End.KEEP),
    "to-source": lambda: (moved(b"view-source:http://good.example/"), End.KEEP),
    # TLS that is cut
    "ragged-without-length": lambda: (OK + b"\r\n" + PAGE, End.RAGGED),
    "ragged": lambda: (page(), End.RAGGED),
    # more than was asked for: whatever follows must not answer the next request
    "smuggle": lambda: (page() + page(EVIL), End.KEEP),
    "smuggle-after-chunks": lambda: (
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + page(EVIL), End.KEEP
    ),
    "smuggle-later": lambda: (page()[:-1], 0.05, page()[-1:] + page(EVIL), End.KEEP),
    "smuggle-after": lambda: (page(), 0.05, page(EVIL), End.KEEP),
    "smuggle-half": lambda: (
        page()[:-1], 0.05, page()[-1:] + OK + b"X-Half: ", End.KEEP
    ),
    "smuggle-after-nothing": lambda: (
        OK + b"Content-Length: 0\r\n\r\n" + page(EVIL), End.KEEP
    ),
    "smuggle-after-redirect": lambda: (moved(b"/good") + page(EVIL), End.KEEP),
    "smuggle-after-continue": lambda: (
        page() + b"HTTP/1.1 100 Continue\r\n\r\n", End.KEEP
    ),
    "smuggle-old": lambda: (
        page().replace(b"HTTP/1.1", b"HTTP/1.0") + page(EVIL), End.KEEP
    ),
    "smuggle-after-204": lambda: (
        b"HTTP/1.1 204 No Content\r\n\r\n" + page(EVIL), End.KEEP
    ),
    "smuggle-after-304": lambda: (
        b"HTTP/1.1 304 Not Modified\r\n\r\n" + page(EVIL), End.KEEP
    ),
}  # fmt: skip
ENDLESS_REDIRECTS = "further"  # `/further/1` leads to `/further/2`, and so on


class HostileOrigin:
    """What the server saw: *asked* holds host, path and headers of each request."""

    def __init__(self, tls: Mapping[str, ssl.SSLContext]) -> None:
        """Take the context for each host that is spoken to in TLS."""
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.connections = 0

    @property
    def address(self) -> str:
        """The endpoint for `connect_to`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Hang up on everybody who is still there, sooner or later."""
        self._is_over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def serve(self) -> None:
        """Accept until closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._greet, args=(connection,), daemon=True
            ).start()

    def _greet(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(20)
            start = connection.recv(3, socket.MSG_PEEK)
            if start[:1] == b"\x16":
                self._greet_in_tls(connection)
            else:
                self._converse(connection)

    def _greet_in_tls(self, connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        if b"tls-stalls" in hello:
            self._hold(connection)
        elif b"tls-closes" in hello:
            return
        elif b"tls-resets" in hello:
            _reset(connection)
        elif b"tls-garbage" in hello:
            connection.recv(4096)
            connection.sendall(bytes(range(256)))
        elif b"tls-plain" in hello:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        else:
            names = [name for name in self._tls if name.encode() in hello]
            context = self._tls[max(names, key=len)]
            with context.wrap_socket(connection, server_side=True) as wrapped:
                self._converse(wrapped)

    def _converse(self, connection: socket.socket) -> None:
        """Answer requests until one of them ends the connection."""
        with connection.makefile("rb") as incoming:
            while request := _read_request(incoming):
                path, headers = request
                host = headers.get("host", "")
                with self._lock:
                    self.asked.append((host, path, headers))
                if self._play(connection, self._script(path)) is not End.KEEP:
                    return

    def _script(self, path: str) -> Script:
        name, _, argument = path.lstrip("/").partition("/")
        if name == ENDLESS_REDIRECTS:
            further = f"/{name}/{int(argument or 0) + 1}"
            return (moved(further.encode()), End.KEEP)
        if name in BEHAVIOURS:
            return BEHAVIOURS[name]()
        return (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", End.KEEP)

    def _play(self, connection: socket.socket, script: Script) -> End | None:
        for part in script:
            if self._is_over.is_set():
                return None
            if isinstance(part, bytes):
                connection.sendall(part)
            elif isinstance(part, float):
                time.sleep(part)
            elif part is End.HOLD:
                self._hold(connection)
            elif part is End.RESET:
                _reset(connection)
            else:
                return part
        if isinstance(connection, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                connection.unwrap()
        return None

    def _hold(self, connection: socket.socket) -> None:
        """Say nothing until the other side has had enough."""
        with contextlib.suppress(OSError):
            while connection.recv(4096):
                pass


def _read_request(incoming: Iterable[bytes]) -> tuple[str, dict[str, str]] | None:
    lines = []
    for line in incoming:
        if not line.strip():
            break
        lines.append(line.decode("latin-1").strip())
    if not lines:
        return None
    pairs = [line.partition(":") for line in lines[1:]]
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return lines[0].split(" ")[1], headers


def _reset(connection: socket.socket) -> None:
    """Make the end of the connection a reset: it lingers for no time."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@contextlib.contextmanager
def open_hostile_origin(
    tls: Mapping[str, ssl.SSLContext] | None = None,
) -> Iterator[HostileOrigin]:
    """Serve on a free port of 127.0.0.1 until the end of the block."""
    origin = HostileOrigin(tls or {})
    thread = threading.Thread(target=origin.serve, daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        origin.close()
        thread.join()
