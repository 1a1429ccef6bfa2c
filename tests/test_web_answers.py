"""What the pure parts of the door make of odd answers and errors."""

from __future__ import annotations

import errno
import gzip
import socket
import ssl
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from tasks.coding import CodingError, decode_body
from tasks.models import Exchange, Response
from tasks.web.answers import (
    MAX_RETRY_SECONDS,
    header,
    is_html,
    judge,
    location_of,
    retry_at,
)
from tasks.web.faults import Failed, explain
from tasks.web.wire import look_up

NOW = datetime(2020, 6, 11, tzinfo=UTC)
Headers = tuple[tuple[bytes, bytes], ...]


def exchange(status: int, raw: bytes = b"", headers: Headers = ()) -> Exchange:
    """Return one answer."""
    return Exchange("http://a.test/", "8.8.8.8", NOW, (), status, "", headers, raw)


def tls_error(name: str) -> ssl.SSLError:
    """Return an error as OpenSSL calls it."""
    error = ssl.SSLError(1, "x")
    error.reason = name
    return error


def test_lines_of_one_header_are_joined() -> None:
    """RFC 9110, 5.3; so a coding cannot hide in a second line."""
    headers = ((b"content-encoding", b"gzip"), (b"Content-Encoding", b"br"))
    assert header(headers, "Content-Encoding") == "gzip, br"


@pytest.mark.parametrize(
    ("raw", "location"),
    [
        ("/é".encode(), "/é"),
        ("/é".encode("latin-1"), "/%E9"),
        (
            " http://bücher.example/é?ü ".encode("latin-1"),
            "http://bücher.example/%E9?%FC",
        ),
        ("//ü?ü".encode("latin-1"), "//ü?%FC"),
        ("é%20\\#é".encode("latin-1"), "%E9%20\\#%E9"),
        ("日本".encode("shift_jis"), "%93%FA%96{"),
    ],
)
def test_a_location_is_utf8_or_goes_back_as_it_came(raw: bytes, location: str) -> None:
    """Both are against the standard, and both are sent."""
    assert location_of(exchange(302, headers=((b"Location", raw),))) == location


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Wed, 10 Jun 2020 23:00:00 -0500", datetime(2020, 6, 11, 4, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", NOW),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("0", NOW),
        ("9" * 5_000, NOW + timedelta(seconds=MAX_RETRY_SECONDS)),
        ("-5", None),
        ("1e9", None),
        ("soon", None),
    ],
)
def test_a_host_may_ask_for_any_rest(value: str, moment: datetime | None) -> None:
    """What no calendar can say asks for nothing."""
    headers = ((b"Retry-After", value.encode()),)
    url = "http://a.test/"
    busy = Response(url, url, "http_error", "answered 503", 1, 503, headers)
    assert retry_at(busy, NOW) == moment
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"no gzip", None),
        (gzip.compress(bytes(5000), mtime=0), None),
        (b"", Failed(outcome="truncated", reason="cut")),
    ],
)
def test_an_error_page_that_cannot_be_read_is_still_an_error(
    raw: bytes, fault: Failed | None
) -> None:
    """The status is the answer."""
    answer = exchange(500, raw, ((b"Content-Encoding", b"gzip"),))
    judged = judge(answer, fault, 100, is_conditional=False)

    assert judged == ("http_error", "answered 500 Internal Server Error", b"")


@pytest.mark.parametrize("coding", ["deflate", "gzip"])
def test_a_body_in_no_known_format_is_named(coding: str) -> None:
    """Both readings of "deflate" are tried first."""
    with pytest.raises(CodingError, match="not in the coding that its header names"):
        decode_body(b"\xff\xff\xff\xff", coding, 100)


def test_a_cut_zlib_body_is_not_taken_for_raw_deflate() -> None:
    """Only a body in another format is read the other way."""
    with pytest.raises(CodingError, match="breaks off before its end"):
        decode_body(zlib.compress(b"bees" * 99)[:-4], "deflate", 1000)


def test_the_limit_is_exact() -> None:
    """A body of the limit's size is whole, one byte more is too large."""
    packed = gzip.compress(b"x" * 50, mtime=0) + gzip.compress(b"x" * 50, mtime=0)
    assert len(decode_body(packed, "gzip", 100)) == 100
    for limit in (99, 50, 49):
        with pytest.raises(CodingError, match="larger than allowed"):
            decode_body(packed, "gzip", limit)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html>", True),
        (b"\xef\xbb\xbf \n<HTML lang=en>", True),
        ("<!DOCTYPE html>".encode("utf-16"), True),
        (b'<?xml version="1.0"?><!doctype html><html/>', True),
        (b"<!-- a comment -->", True),
        (b"", False),
        (b"plain words", False),
        (b"<rss></rss>", False),
        (b"%PDF-1.7", False),
    ],
)
def test_without_a_type_the_start_tells(body: bytes, *, expected: bool) -> None:
    """As browsers do it, and for XHTML with its declaration."""
    assert is_html("", body) is expected


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (
            OSError(errno.EHOSTUNREACH, "x"),
            "connection_error",
            "a.test:80 cannot be reached: no route to host",
        ),
        (
            TimeoutError(errno.ETIMEDOUT, "x"),
            "connection_error",
            "a.test:80 cannot be reached: connection timed out",
        ),
        (
            socket.gaierror(socket.EAI_AGAIN, "x"),
            "dns_error",
            "the name service gave no answer for a.test",
        ),
        (
            tls_error("TLSV1_UNRECOGNIZED_NAME"),
            "tls_error",
            "a.test:80 does not know the name that it was called by",
        ),
        (
            tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"),
            "tls_error",
            "a.test:80 would not begin to speak TLS with us",
        ),
        (
            tls_error("SOMETHING_NEW"),
            "tls_error",
            "no TLS with a.test:80: something new",
        ),
        (
            ValueError("odd"),
            "bad_url",
            "the address cannot be asked for: odd",
        ),
        (
            RuntimeError("a\nb"),
            "bad_response",
            "a.test:80 could not be asked: a",
        ),
        (
            KeyError(),
            "bad_response",
            "a.test:80 could not be asked: no reason given",
        ),
    ],
)
def test_every_error_becomes_an_outcome_in_words(
    error: Exception, outcome: str, reason: str
) -> None:
    """No name of a class reaches a reader."""
    failed = explain(error, "a.test:80")
    assert (failed.outcome, failed.reason) == (outcome, reason)


def test_numbers_need_no_name_service() -> None:
    """The C library's spellings come back as addresses, for the guard to judge."""
    assert look_up("127.0.0.1") == ["127.0.0.1"]
    assert look_up("me.localhost.") == ["127.0.0.1", "::1"]
