"""Whatever bytes a server sends: an outcome, a reason, and a record that reads back."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.captures import CaptureWriter, read_capture, read_rows
from tasks.models import Outcome, PageRequest, Response, Via
from tasks.settings import FetchSettings
from tasks.stages.pages import _capture
from tasks.web import politeness, tries
from tasks.web.fetcher import Fetcher
from tasks.web.pages import page_job
from tests.hostile_origin import BEHAVIOURS, End
from tests.hub import MOMENT
from tests.test_web_pages import page

EXAMPLES = int(os.environ.get("RANDOM_EXAMPLES", "200"))


class Parrot:
    """A server that says the same to whoever comes, and hangs up.

    Only a host whose name begins with `strict` has a robots.txt.
    """

    def __init__(self) -> None:
        self.words = b""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(65_536)
                    is_rules = b"/robots.txt" in asked and b"Host: h" in asked
                    connection.sendall(MISSING if is_rules else self.words)
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(0.5)
                    while connection.recv(65_536):  # or unread bytes make it a reset
                        pass


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    """Return a server that repeats."""
    with closing(Parrot()) as parrot:
        yield parrot


@pytest.fixture(scope="module")
def fetcher(parrot: Parrot) -> Iterator[Fetcher]:
    """Return a network where everybody is that server, and nobody waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(politeness, "SLOW_SECONDS", 0.0)
        patch.setattr(tries, "FIRST_WAIT_SECONDS", 0.0)
        patch.setattr(tries, "MAX_WAIT_SECONDS", 0.0)
        with closing(Fetcher(settings_of(parrot))) as fetcher:
            yield fetcher


def settings_of(parrot: Parrot) -> FetchSettings:
    """Lead all names to *parrot*."""
    return FetchSettings(
        connect_to={"*": parrot.address},
        per_host_delay_seconds=0.0,
        total_seconds=2.0,
        attempts=1,
        max_bytes=100_000,
    )


def _small(name: str) -> bytes | None:
    """Return what a hostile server says, where that is little and comes at once."""
    parts = list(itertools.islice(BEHAVIOURS[name](), 4))
    if len(parts) > 3 or any(isinstance(part, float) for part in parts):
        return None
    said = b"".join(part for part in parts if isinstance(part, bytes))
    return said if len(said) < 5_000 and End.HOLD not in parts else None


ANSWERS = sorted(filter(None, map(_small, BEHAVIOURS)))
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
NUMBERS = itertools.count()
LIBRARY = re.compile(r"\wError|Exception|aiohttp|httpx|b'|0x[0-9a-f]{6}")
NAMES = """
Content-Length Transfer-Encoding Content-Encoding Content-Type Location Retry-After ETag
Last-Modified Connection Set-Cookie Refresh Content-Range Upgrade Trailer Link Date
Memento-Datetime
""".split()
VALUES = """
0 5 -1 99999999999999999999 5,5 chunked gzip,chunked identity gzip deflate br x-gzip
1e9 Infinity \xff\xfe \x7f = "a W/"b" bytes+0-4/5 Wed,+21+Oct+2015+07:28:00+GMT close
text/html text/html;charset=utf-16 application/pdf multipart/mixed;boundary=x keep-alive
/ //b.example http://c.example/ https://c.example/ http://127.0.0.1/ http://[ #b
""".split()
INSERTED = [b"", b"\r\n", b"\n", b"\0", b" ", b"\r\n\r\n", b"0\r\n\r\n"]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Take an answer, and cut, repeat, change or add to it here and there."""
    said = bytearray(draw(st.sampled_from(ANSWERS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(said)))
        end = at + draw(st.integers(0, 40))
        said[at:end] = draw(
            st.sampled_from(
                [b"", b"\r\n", b"\n", b"\0", b" ", b"\r\n\r\n", b"0\r\n\r\n"]
            )
            | st.just(bytes(said[at:end]) * 3)
            | st.binary(max_size=8)
        )
    return bytes(said)


@st.composite
def composed(draw: st.DrawFn) -> bytes:
    """Make a head of true names with values that they may not have, and a body."""
    status = draw(st.integers(0, 1_000) | st.sampled_from([200, 301, 304, 404, 503]))
    lines = [b"HTTP/1.1 %d X" % status]
    for name, value in draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=6)
    ):
        lines.append(name.encode() + b": " + value.replace("+", " ").encode("latin-1"))
    body = draw(st.binary(max_size=60) | st.sampled_from(ANSWERS))
    return b"\r\n".join([*lines, b"", body])


@settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    words=st.binary(max_size=300) | mutated() | composed(),
    name=st.sampled_from(["h", "h", "h", "strict"]),
)
def test_whatever_a_server_says_ends_in_an_outcome_and_reads_back(
    parrot: Parrot, fetcher: Fetcher, tmp_path: Path, words: bytes, name: str
) -> None:
    """Said as robots.txt, as page and at the end of each redirect."""
    parrot.words = words
    rows: list[tuple[PageRequest, Via, str, datetime, Response]] = []
    host = f"{name}{next(NUMBERS)}.example"
    request = page(f"http://{host}/a", f"http://www.{host}/amp")
    job = page_job(
        request, settings_of(parrot), lambda *row: rows.append(row), lambda _: None
    )
    fetcher.begin([job])
    fetcher.finish()

    if not rows:  # it asked for a rest
        assert sum(fetcher.take_deferred().values()) == 1
        return
    with CaptureWriter(tmp_path, host) as writer:
        run: Any = SimpleNamespace(captures=writer, moment=MOMENT)
        captures = [_capture(run, *row) for row in rows]
        writer.note(captures)
        writer.settle()
    for (*_, response), capture in zip(rows, captures, strict=True):
        assert response.outcome in get_args(Outcome)
        assert re.fullmatch(r"[^\x00-\x1f\x7f]{5,700}", response.reason)
        assert not LIBRARY.search(response.reason)
        if response.outcome == "ok":
            assert capture.place is not None
            assert read_capture(tmp_path, capture.place).body == response.body
    [path] = tmp_path.glob(f"{host}-*")
    assert [found for _, found in read_rows(path) if found] == [captures]
    path.unlink()
