"""Records of WARC 1.1 (ISO 28500:2017), one gzip member each: bytes and back. Pure.

Our own few lines, because a body that is compressed already need not be compressed
again: a tenth of a library's time for a record that every library reads.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from struct import Struct
from typing import Any
from uuid import UUID, uuid4

from tasks.coding import coding_of, decode_body
from tasks.models import Capture, CheckedImage, Exchange, ImageResult, WarcPlace
from tasks.urls import split_address
from tasks.values import dataclass

Headers = Iterable[tuple[bytes, bytes]]

# Headers and WARC fields around a body; servers' headers end far below.
_MAX_OVERHEAD_BYTES = 1_000_000
# zlib's tables for these many bytes are a thirty-second of those by default, which take
# longer to clear than a short record to compress.
_SHORT_BYTES = 4_096
_SHORT_MEMORY = 4
_SHORT_LEVEL = 1  # a hundredth more bytes than level 6, for half the time
_END = b"\r\n\r\n"  # of each record
# RFC 1952, 2.3: deflate, no name, no moment, of an unknown system.
_MEMBER_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_MEMBER_END = Struct("<II")  # its checksum and size
_STORED = Struct("<BHH")  # whether it is the last block, its size, and that inverted
_MAX_STORED = 0xFFFF
_BREAKS = re.compile(rb"[\r\n\0]+")
_BLANKS = re.compile(r"[\x00-\x20]+")
_NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_COLUMNS = tuple(field.name for field in fields(Capture))
_IMAGE_COLUMNS = tuple(field.name for field in fields(ImageResult))
_IMAGE_FACTS = tuple(
    field.name for field in fields(CheckedImage) if field.name != "thumbnail"
)


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response read back: *raw_body* as it was received, *body* decoded."""

    url: str
    requested_at: datetime
    status_code: int
    headers: tuple[tuple[bytes, bytes], ...]
    raw_body: bytes
    body: bytes

    @property
    def content_type(self) -> str | None:
        """The `Content-Type` as the server spelled it."""
        return header_value(self.headers, b"content-type") or None


def response_record(
    exchange: Exchange, record_id: str, truncated: str | None = None
) -> bytes:
    """Return the record of a response; *truncated* is why its body is not whole."""
    status = f"HTTP/1.1 {exchange.status_code} {exchange.reason_phrase}"
    head = _http_head(status.encode("latin-1", "replace"), exchange.headers)
    coding = header_value(exchange.headers, b"content-encoding").lower()
    is_coded = coding not in {"", "identity"}
    fields = {
        "WARC-Record-ID": record_id,
        **_about(exchange),
        **_kind_of(exchange),
        "Content-Type": "application/http;msgtype=response",
    }
    if truncated:
        fields["WARC-Truncated"] = truncated
    block = head + exchange.raw_body
    # Compressing again what is compressed costs ten times the rest and saves nothing.
    return _record(fields, block, is_coded=is_coded)


def _kind_of(exchange: Exchange) -> dict[str, str]:
    """Tell an answer with a body from a 304, which refers to one (WARC 1.1, 6.7)."""
    if exchange.status_code == HTTPStatus.NOT_MODIFIED:
        return {
            "WARC-Type": "revisit",
            "WARC-Profile": _NOT_MODIFIED,
            "WARC-Refers-To-Target-URI": _line(exchange.url),
        }
    digest = _digest(exchange.raw_body)
    return {"WARC-Type": "response", "WARC-Payload-Digest": digest}


def request_record(exchange: Exchange, response_id: str) -> bytes:
    """Return the record of the request that the response of *response_id* answers."""
    _, target = split_address(exchange.url)
    line = f"GET {target} HTTP/1.1".encode("utf-8", "replace")
    fields = {
        "WARC-Type": "request",
        "WARC-Record-ID": new_record_id(),
        "WARC-Concurrent-To": response_id,
        **_about(exchange),
        "Content-Type": "application/http;msgtype=request",
    }
    return _record(fields, _http_head(line, exchange.request_headers))


def metadata_record(captures: Sequence[Capture], response_id: str | None) -> bytes:
    """Return the record that holds all tries of a page as rows, in JSON.

    It refers to the response that the last of them got, if any.
    """
    fields = {
        "WARC-Target-URI": _line(captures[0].url),
        "WARC-Date": _moment(captures[-1].requested_at),
    }
    if response_id:
        fields["WARC-Refers-To"] = response_id
    rows = [{name: getattr(row, name) for name in _COLUMNS} for row in captures]
    return _rows_record(fields, {"captures": rows})


def images_record(results: Sequence[ImageResult]) -> bytes:
    """Return the record of how images ended; their bytes are in the image cache."""
    fields = {"WARC-Date": _moment(results[-1].checked_at)}
    return _rows_record(fields, {"images": [_image_row(row) for row in results]})


def _rows_record(fields: dict[str, str], rows: dict[str, Any]) -> bytes:
    fields = {
        "WARC-Type": "metadata",
        "WARC-Record-ID": new_record_id(),
        **fields,
        "Content-Type": "application/json",
    }
    return _record(fields, _to_json(rows).encode())


def _plain(value: object) -> object:
    """Return what JSON has no form of its own for."""
    return asdict(value) if isinstance(value, WarcPlace) else str(value)


_to_json = json.JSONEncoder(default=_plain).encode


def _image_row(result: ImageResult) -> dict[str, Any]:
    """Spell a result without its thumbnail, which is in the cache or made again."""
    row = {name: getattr(result, name) for name in _IMAGE_COLUMNS}
    if result.image:
        row["image"] = {name: getattr(result.image, name) for name in _IMAGE_FACTS}
    return row


def info_record(file_name: str) -> bytes:
    """Return the record that a file begins with: what wrote it, in which format."""
    fields = {
        "WARC-Type": "warcinfo",
        "WARC-Record-ID": new_record_id(),
        "WARC-Date": _moment(datetime.now(UTC)),
        "WARC-Filename": _line(file_name),
        "Content-Type": "application/warc-fields",
    }
    about = "software: Wirehouse\r\nformat: WARC File Format 1.1\r\n"
    return _record(fields, about.encode())


def _about(exchange: Exchange) -> dict[str, str]:
    fields = {
        "WARC-Target-URI": _line(exchange.url),
        "WARC-Date": _moment(exchange.requested_at),
    }
    # Through a proxy or a tunnel, nobody knows the address.
    if _is_address(exchange.address):
        fields["WARC-IP-Address"] = exchange.address
    return fields


@lru_cache(maxsize=1_024)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _record(fields: dict[str, str], block: bytes, *, is_coded: bool = False) -> bytes:
    """Pack a record; none of the *fields* may hold a line break."""
    fields["WARC-Block-Digest"] = _digest(block)
    fields["Content-Length"] = str(len(block))
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    head = f"WARC/1.1\r\n{lines}\r\n".encode("utf-8", "replace")
    if len(block) < _SHORT_BYTES:
        # In one piece: zlib lets other threads run at each, and waits for its turn.
        packer = zlib.compressobj(_SHORT_LEVEL, wbits=31, memLevel=_SHORT_MEMORY)
        return packer.compress(head + block + _END) + packer.flush()
    # Part by part: joined first, a body of megabytes would be there once more.
    if is_coded:
        return _stored_member(head, block, _END)
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(part) for part in (head, block, _END)]
    return b"".join((*parts, packer.flush()))


def _stored_member(*parts: bytes) -> bytes:
    """Return a gzip member that holds *parts* as they are (RFC 1951, 3.2.4).

    A third of the time that zlib takes at level 0.
    """
    pieces: list[bytes | memoryview] = [_MEMBER_HEAD]
    checksum, size = 0, 0
    for part in parts:
        view = memoryview(part)
        for start in range(0, len(part), _MAX_STORED):
            piece = view[start : start + _MAX_STORED]
            pieces += _STORED.pack(0, len(piece), len(piece) ^ 0xFFFF), piece
        checksum = zlib.crc32(part, checksum)
        size += len(part)
    pieces += _STORED.pack(1, 0, 0xFFFF), _MEMBER_END.pack(checksum, size % 2**32)
    return b"".join(pieces)


def _http_head(start: bytes, headers: Headers) -> bytes:
    lines = [start, *[_stored_name(name) + b": " + value for name, value in headers]]
    head = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count(b"\r") > breaks or head.count(b"\n") > breaks or b"\0" in head:
        head = b"\r\n".join(_BREAKS.sub(b" ", line) for line in lines)
    return head + b"\r\n\r\n"


def _stored_name(name: bytes) -> bytes:
    """Rename what describes the transfer: bodies are kept without their chunks' marks.

    The prefix is the one that other archives use for headers that no longer hold.
    """
    is_of_transfer = len(name) == 17 and name.lower() == b"transfer-encoding"
    return b"X-Archive-Orig-" + name if is_of_transfer else name


def _line(value: str) -> str:
    return _BLANKS.sub(" ", value)


def _digest(content: bytes) -> str:
    return "sha256:" + base64.b32encode(hashlib.sha256(content).digest()).decode()


def _moment(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"


def new_record_id() -> str:
    """Return an id that no record has had."""
    return f"<urn:uuid:{uuid4()}>"


def read_response(member: bytes, max_bytes: int) -> StoredResponse:
    """Read one gzip member that is a whole response record.

    Raises `ValueError` when its length, checksum or digest does not fit, or when the
    body is no coding of at most *max_bytes* bytes.
    """
    fields, block = _split(_unpacked(member, max_bytes))
    if fields["WARC-Type"] != "response":
        msg = f"is not a response, but of type {fields['WARC-Type'][:20]!r}"
        raise ValueError(msg)
    return _stored(fields, block, max_bytes)


def check_record(member: bytes, max_bytes: int) -> None:
    """Raise `ValueError` if a gzip member is not a record as it was written.

    Whatever its body is, and whether that can be decoded, does not matter.
    """
    _split(_unpacked(member, max_bytes))


def _unpacked(member: bytes, max_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        record = unpacker.decompress(member, max_bytes + _MAX_OVERHEAD_BYTES)
    except zlib.error as error:
        msg = f"the record is damaged: {error}"
        raise ValueError(msg) from error
    if not unpacker.eof or unpacker.unused_data:
        msg = "the record does not have the length that is noted"
        raise ValueError(msg)
    return record


def read_rows(record: bytes) -> list[Capture | ImageResult]:
    """Read the rows of an unpacked record, if it is one that holds any.

    Raises `ValueError` when it is no record of ours, or does not fit its digest.
    """
    fields, block = _split(record)
    if fields["WARC-Type"] != "metadata":
        return []
    rows = json.loads(block)
    return [
        *map(_capture, rows.get("captures", ())),
        *map(_image_result, rows.get("images", ())),
    ]


def _image_result(row: dict[str, Any]) -> ImageResult:
    image = row["image"]
    converted = {
        "image_id": UUID(row["image_id"]),
        "checked_at": datetime.fromisoformat(row["checked_at"]),
        "next_check_at": datetime.fromisoformat(row["next_check_at"]),
        "image": CheckedImage(**image, thumbnail=b"") if image else None,
    }
    return ImageResult(**{**row, **converted})


def _capture(row: dict[str, Any]) -> Capture:
    place = row["place"]
    converted = {
        "capture_id": UUID(row["capture_id"]),
        "article_id": UUID(row["article_id"]),
        "requested_at": datetime.fromisoformat(row["requested_at"]),
        "next_fetch_at": datetime.fromisoformat(row["next_fetch_at"]),
        "place": WarcPlace(**place) if place else None,
    }
    return Capture(**{**row, **converted})


def _split(record: bytes) -> tuple[dict[str, str], bytes]:
    """Take a record apart into its named fields and its block, which must fit them."""
    head, _, rest = record.partition(b"\r\n\r\n")
    version, *lines = head.decode().split("\r\n")
    fields = {
        name: value.strip() for name, _, value in (x.partition(":") for x in lines)
    }
    if version != "WARC/1.1" or "WARC-Type" not in fields:
        msg = f"is no record of a WARC 1.1 file, but begins with {version[:20]!r}"
        raise ValueError(msg)
    block = rest.removesuffix(b"\r\n\r\n")
    if fields.get("Content-Length") != str(len(block)):
        msg = f"is {len(block)} bytes, not {fields.get('Content-Length')}"
        raise ValueError(msg)
    if fields.get("WARC-Block-Digest") != _digest(block):
        msg = "does not have the digest that is noted"
        raise ValueError(msg)
    return fields, block


def _stored(fields: dict[str, str], block: bytes, max_bytes: int) -> StoredResponse:
    head, _, raw_body = block.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = tuple(
        (name, value.strip())
        for name, _, value in (line.partition(b":") for line in lines)
    )
    return StoredResponse(
        url=fields["WARC-Target-URI"],
        requested_at=datetime.fromisoformat(fields["WARC-Date"]),
        status_code=int(status.split(b" ")[1]),
        headers=headers,
        raw_body=raw_body,
        body=decode_body(raw_body, coding_of(headers, raw_body), max_bytes),
    )


def header_value(headers: Headers, name: bytes) -> str:
    """Join the values of a header (RFC 9110, 5.3); *name* is in lower case."""
    values = [value for key, value in headers if key.lower() == name]
    return b", ".join(values).decode("latin-1").strip()
