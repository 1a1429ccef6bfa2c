"""Responses are kept as they were received, and what does not fit is never taken."""

from __future__ import annotations

import gzip
import random
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from tasks.captures import CaptureDamaged, CaptureWriter, read_capture
from tasks.coding import decode_body
from tasks.models import Exchange, Outcome, Response, WarcPlace

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
HTML = "<p>Zwölf Boxkämpfer</p>".encode() * 50


def exchange(
    body: bytes = HTML,
    *headers: tuple[bytes, bytes],
    url: str = "https://news.example/a?b=1",
    status_code: int = 200,
) -> Exchange:
    return Exchange(
        url=url,
        address="192.0.2.7",
        requested_at=NOON,
        request_headers=((b"Host", b"news.example"), (b"User-Agent", b"Wirehouse")),
        status_code=status_code,
        reason_phrase="OK",
        headers=((b"Content-Type", b"text/html; charset=UTF-8"), *headers),
        raw_body=body,
    )


def response(*exchanges: Exchange, outcome: Outcome = "ok") -> Response:
    return Response(
        url="https://news.example/a",
        final_url="https://news.example/a",
        outcome=outcome,
        reason="",
        elapsed_ms=1,
        exchanges=exchanges,
    )


def kept(folder: Path, *responses: Response, **options: Any) -> list[WarcPlace]:
    with CaptureWriter(folder, "run", **options) as writer:
        places = [writer.write(each) for each in responses]
    return [place for place in places if place]


GZIPPED = exchange(gzip.compress(HTML, mtime=0), (b"Content-Encoding", b"gzip"))
CHUNKED = exchange(HTML, (b"Transfer-Encoding", b"chunked"))


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (exchange(), HTML),
        (exchange(b""), b""),
        (exchange(b"a\r\n\r\nb\r\n\r\n"), b"a\r\n\r\nb\r\n\r\n"),
        (GZIPPED, HTML),
        (exchange(zlib.compress(HTML), (b"content-encoding", b"Deflate")), HTML),
        (CHUNKED, HTML),
    ],
    ids=["plain", "empty", "blank lines", "gzip", "deflate", "chunked"],
)
def test_a_response_is_read_back_as_it_was(
    tmp_path: Path, sent: Exchange, body: bytes
) -> None:
    other = exchange(b"other")

    places = kept(tmp_path, response(other), response(sent), response(other))
    stored = read_capture(tmp_path, places[1])

    assert stored.body == body
    assert stored.raw_body == sent.raw_body
    assert stored.url == sent.url
    assert stored.requested_at == NOON
    assert stored.status_code == 200
    assert stored.content_type == "text/html; charset=UTF-8"


def test_headers_stay_but_those_of_the_transfer_are_renamed(tmp_path: Path) -> None:
    hostile = (b"X-Odd", b"a: b\r\nInjected: yes\0")

    (place,) = kept(
        tmp_path, response(exchange(HTML, (b"Transfer-Encoding", b"chunked"), hostile))
    )

    assert read_capture(tmp_path, place).headers == (
        (b"Content-Type", b"text/html; charset=UTF-8"),
        (b"X-Archive-Orig-Transfer-Encoding", b"chunked"),
        (b"X-Odd", b"a: b Injected: yes"),
    )


def test_the_place_is_that_of_the_last_hop(tmp_path: Path) -> None:
    hop = exchange(
        b"", (b"Location", b"/b"), url="http://news.example/", status_code=301
    )

    (place,) = kept(tmp_path, response(hop, hop, exchange(b"the page")))

    assert read_capture(tmp_path, place).body == b"the page"


def test_without_an_exchange_nothing_is_written(tmp_path: Path) -> None:
    assert kept(tmp_path, response()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    hop = exchange(
        b"", (b"Location", b"/b"), url="http://news.example/", status_code=301
    )
    (place, *_) = kept(
        tmp_path, response(hop, GZIPPED), response(exchange(b"")), response(CHUNKED)
    )
    return tmp_path / place.file


TYPES = ["warcinfo", *["response", "request"] * 4]


@pytest.mark.parametrize("size", [4_000, 65_535, 131_070, 200_000])
def test_a_coded_body_of_any_length_is_kept_as_it_is(tmp_path: Path, size: int) -> None:
    """It is not compressed again, but stored in blocks, of 65,535 bytes at most."""
    text = random.Random(size).randbytes(size)  # noqa: S311 - nothing to keep secret
    sent = exchange(gzip.compress(text, mtime=0), (b"Content-Encoding", b"gzip"))

    [place] = kept(tmp_path, response(sent))

    assert read_capture(tmp_path, place).body == text
    with (tmp_path / place.file).open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            if record.rec_type == "response":
                assert record.content_stream().read() == text
            else:
                record.content_stream().read()


def test_warcio_reads_every_record_and_its_digests(archive: Path) -> None:
    types = []
    bodies = []
    with archive.open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            types.append(record.rec_type)
            bodies.append(record.content_stream().read())
            assert record.digest_checker.passed
            assert record.rec_headers.protocol == "WARC/1.1"

    assert types == TYPES
    assert bodies[3] == HTML
    assert bodies[7] == HTML


def test_fastwarc_reads_every_record_and_its_digests(archive: Path) -> None:
    types = []
    with archive.open("rb") as file:
        for record in FastIterator(file, parse_http=False):
            types.append(record.headers["WARC-Type"])
            assert record.verify_block_digest()

    assert types == TYPES


def test_records_say_when_where_and_what_belongs_together(archive: Path) -> None:
    with archive.open("rb") as file:
        records = [dict(r.rec_headers.headers) for r in ArchiveIterator(file)]

    answer, question = records[3:5]
    assert answer["WARC-Date"] == "2026-11-23T12:00:00.123456Z"
    assert answer["WARC-IP-Address"] == "192.0.2.7"
    assert answer["WARC-Target-URI"] == "https://news.example/a?b=1"
    assert question["WARC-Concurrent-To"] == answer["WARC-Record-ID"]
    assert records[0]["WARC-Filename"] == archive.name


def test_a_request_is_recorded_as_it_was_sent(tmp_path: Path) -> None:
    """An empty query is one, too."""
    kept(tmp_path, response(exchange(url="https://news.example/a%2Fb?")))
    [archive] = tmp_path.glob("*.warc.gz")
    with archive.open("rb") as file:
        lines = [
            r.http_headers.to_str().splitlines()[0]
            for r in ArchiveIterator(file)
            if r.rec_type == "request"
        ]

    assert lines == ["GET /a%2Fb? HTTP/1.1"]


def test_a_request_has_its_line_and_headers(archive: Path) -> None:
    with archive.open("rb") as file:
        lines = [
            r.http_headers.to_str().splitlines()
            for r in ArchiveIterator(file)
            if r.rec_type == "request"
        ]

    assert lines[1][:2] == ["GET /a?b=1 HTTP/1.1", "Host: news.example"]


@pytest.mark.parametrize(
    ("outcome", "reason"), [("too_large", "length"), ("timeout", "time"), ("ok", None)]
)
def test_a_body_that_is_not_whole_says_why(
    tmp_path: Path, outcome: Outcome, reason: str | None
) -> None:
    (place,) = kept(tmp_path, response(exchange(), outcome=outcome))

    with (tmp_path / place.file).open("rb") as file:
        file.seek(place.offset)
        record = next(iter(ArchiveIterator(file)))
        assert record.rec_headers.get_header("WARC-Truncated") == reason


def test_a_full_file_is_followed_by_the_next(tmp_path: Path) -> None:
    places = kept(tmp_path, *[response(exchange())] * 3, rotate_bytes=1_000)

    assert [place.file for place in places] == [
        "run-00001.warc.gz",
        "run-00002.warc.gz",
        "run-00003.warc.gz",
    ]
    assert all(read_capture(tmp_path, place).body == HTML for place in places)


def test_an_old_file_is_never_written_to(tmp_path: Path) -> None:
    (first,) = kept(tmp_path, response(exchange(b"first")))
    before = (tmp_path / first.file).read_bytes()

    (second,) = kept(tmp_path, response(exchange(b"second")))

    assert second.file == "run-00002.warc.gz"
    assert (tmp_path / first.file).read_bytes() == before


def test_after_a_flush_a_place_can_be_read_while_writing_goes_on(
    tmp_path: Path,
) -> None:
    with CaptureWriter(tmp_path, "run") as writer:
        place = writer.write(response(exchange()))
        writer.flush()

        assert place is not None
        assert read_capture(tmp_path, place).body == HTML


def test_what_lies_before_a_torn_end_can_be_read(tmp_path: Path) -> None:
    first, last = kept(tmp_path, response(exchange(b"one")), response(exchange()))
    path = tmp_path / first.file
    path.write_bytes(path.read_bytes()[: last.offset + last.length // 2])

    assert read_capture(tmp_path, first).body == b"one"
    with pytest.raises(CaptureDamaged, match=f"byte {last.offset}: only .* are there"):
        read_capture(tmp_path, last)


def test_a_flipped_byte_never_changes_what_is_read(tmp_path: Path) -> None:
    (place,) = kept(tmp_path, response(GZIPPED))
    path = tmp_path / place.file
    content = path.read_bytes()
    whole = read_capture(tmp_path, place)
    unseen = []

    for at in range(place.length):
        damaged = bytearray(content)
        damaged[place.offset + at] ^= 0x10
        path.write_bytes(damaged)
        try:
            assert read_capture(tmp_path, place) == whole
            unseen.append(at)
        except CaptureDamaged as error:
            assert f"{place.file} at byte {place.offset}" in str(error)  # noqa: PT017 - either is right

    # The time and system of a gzip header, and the padding of a stored block.
    assert len(unseen) < 10


@pytest.mark.parametrize(
    "change",
    [
        lambda place: WarcPlace("gone.warc.gz", place.offset, place.length),
        lambda place: WarcPlace(place.file, place.offset + 1, place.length),
        lambda place: WarcPlace(place.file, place.offset, place.length - 1),
        lambda place: WarcPlace(place.file, place.offset, place.length + 1),
        lambda place: WarcPlace(place.file, 0, place.offset),
        lambda place: WarcPlace(place.file, -1, place.offset),
    ],
    ids=["no file", "later", "shorter", "longer", "another record", "before the start"],
)
def test_a_wrong_place_is_damaged(tmp_path: Path, change: Any) -> None:
    (place,) = kept(tmp_path, response(exchange()))

    with pytest.raises(CaptureDamaged):
        read_capture(tmp_path, change(place))


def test_a_stored_bomb_is_not_decoded(tmp_path: Path) -> None:
    bomb = exchange(
        gzip.compress(bytes(50_000_000), mtime=0), (b"Content-Encoding", b"gzip")
    )
    (place,) = kept(tmp_path, response(bomb))

    with pytest.raises(CaptureDamaged, match="larger than allowed once decoded"):
        read_capture(tmp_path, place)


# --- content codings ------------------------------------------------------------


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("raw", "coding"),
    [
        (HTML, ""),
        (HTML, "identity"),
        (gzip.compress(HTML, mtime=0), "gzip"),
        (gzip.compress(HTML, mtime=0), "X-GZIP "),
        (gzip.compress(HTML[:9], mtime=0) + gzip.compress(HTML[9:], mtime=0), "gzip"),
        (gzip.compress(HTML, mtime=0) + b"\0\0padding", "gzip"),
        (zlib.compress(HTML), "deflate"),
        (raw_deflate(HTML), "deflate"),
    ],
)
def test_codings_are_undone(raw: bytes, coding: str) -> None:
    assert decode_body(raw, coding, len(HTML)) == HTML


@pytest.mark.parametrize(
    ("raw", "coding", "reason"),
    [
        (HTML, "br", "'br', which was not asked for"),
        (HTML, "gzip, gzip", "coded more than once"),
        (HTML, "gzip", "or is damaged"),
        (gzip.compress(HTML, mtime=0)[:-9], "gzip", "breaks off"),
        (gzip.compress(HTML + b"!", mtime=0), "gzip", "larger than allowed"),
        (HTML + b"!", "", "larger than allowed"),
        (
            gzip.compress(HTML, mtime=0) + gzip.compress(b"!", mtime=0),
            "gzip",
            "larger than allowed",
        ),
    ],
)
def test_what_cannot_be_undone_has_its_reason(
    raw: bytes, coding: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_body(raw, coding, len(HTML))
