"""Content codings undone within a limit (RFC 9110, 8.4). Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from tasks.models import Outcome

# Brotli and zstd are not asked for: their decoders cannot be stopped at a size.
ACCEPT_ENCODING = "gzip, deflate"

_GZIP = 16 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_START = _GZIP_MAGIC + b"\x08"  # how no text and no image begins
# What servers put in place of a coding: browsers pass over it, too.
_NO_CODINGS = frozenset(
    "identity none binary 7bit 8bit utf-8 utf8 iso-8859-1 windows-1252 text/html"
    "".split()
)
# Ten megabytes in blocks of 64 KB, as some tools write them, are 160 members.
_MAX_MEMBERS = 1_000
# Most bodies are few pieces; of many members, each copies but one anew.
_PIECE_BYTES = 65_536
_MAX_SHOWN = 100  # characters of a header in a reason
_TOO_LARGE = "the body is larger than allowed once decoded"


class CodingError(ValueError):
    """A body that cannot be decoded: the outcome that it means, and the reason."""

    def __init__(self, reason: str, outcome: Outcome) -> None:
        super().__init__(reason)
        self.outcome: Outcome = outcome


def coding_of(headers: Iterable[tuple[bytes, bytes]], raw: bytes) -> str:
    """Return the content coding of a body, as the header names it.

    Some bodies are in gzip though no header says so: files that were packed before they
    were put on a server, and what web archives hand out as it was saved.
    """
    own = [value for name, value in headers if name.lower() == b"content-encoding"]
    if not own and raw.startswith(_GZIP_START):
        return "gzip"
    return b", ".join(own).decode("latin-1").strip()


def decode_body(raw: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """Undo *content_encoding*, the header's value, of a complete body.

    Raises `CodingError`: `bad_response` for a coding that was not asked for,
    `bad_encoding` for a body that is not in it, `truncated` for one that breaks off,
    `too_large` for one above *max_bytes*. A body of no bytes stays one.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    codings = [name for name in names if name and name not in _NO_CODINGS]
    if not codings or not raw:
        return _within(raw, max_bytes)
    if len(codings) > 1:
        shown = ", ".join(codings)[:_MAX_SHOWN]
        reason = f"the body is coded more than once: {shown!r}"
        raise CodingError(reason, "bad_response")
    if codings[0] in {"gzip", "x-gzip"}:
        return _gunzip(raw, max_bytes)
    if codings[0] == "deflate":
        return _inflate(raw, max_bytes)
    shown = codings[0][:_MAX_SHOWN]
    reason = f"the body is coded as {shown!r}, which was not asked for"
    raise CodingError(reason, "bad_response")


def _gunzip(raw: bytes, max_bytes: int) -> bytes:
    """Decode all members of a gzip body (RFC 1952, 2.2).

    What follows and is no member is ignored, as browsers do: servers pad.
    """
    rest = memoryview(raw)
    parts: list[bytes] = []
    room = max_bytes
    while not parts or rest[: len(_GZIP_MAGIC)] == _GZIP_MAGIC:
        if len(parts) == _MAX_MEMBERS:
            reason = f"the body has more than {_MAX_MEMBERS:,} gzip members"
            raise CodingError(reason, "bad_encoding")
        part, taken = _decompress(rest, _GZIP, room)
        rest = rest[taken:]
        parts.append(part)
        room -= len(part)
    return b"".join(parts)


def _inflate(raw: bytes, max_bytes: int) -> bytes:
    """Decode "deflate", which is zlib's format (RFC 9110, 8.4.1.2), or raw deflate.

    Some servers send the latter, and only trying tells.
    """
    try:
        return _decompress(memoryview(raw), zlib.MAX_WBITS, max_bytes)[0]
    except CodingError as error:
        if error.outcome != "bad_encoding":
            raise
    return _decompress(memoryview(raw), _RAW_DEFLATE, max_bytes)[0]


def _decompress(raw: memoryview, window: int, room: int) -> tuple[bytes, int]:
    """Return one stream's text and how many bytes it took, or raise `CodingError`.

    It is read by pieces, since zlib copies what it was given and did not need. One byte
    more than there is *room* for is asked for: it tells "too large".
    """
    decoder = zlib.decompressobj(window)
    parts: list[bytes] = []
    taken = 0
    try:
        while not decoder.eof and taken < len(raw) and room >= 0:
            piece = raw[taken : taken + _PIECE_BYTES]
            parts.append(decoder.decompress(piece, room + 1))
            taken += len(piece)
            room -= len(parts[-1])
    except zlib.error:
        reason = "the body is not in the coding that its header names, or is damaged"
        raise CodingError(reason, "bad_encoding") from None
    if room < 0:
        raise CodingError(_TOO_LARGE, "too_large")
    if not decoder.eof:
        reason = "the compressed body breaks off before its end"
        raise CodingError(reason, "truncated")
    return b"".join(parts), taken - len(decoder.unused_data)


def _within(body: bytes, room: int) -> bytes:
    if len(body) > room:
        raise CodingError(_TOO_LARGE, "too_large")
    return body
