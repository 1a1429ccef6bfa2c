"""Content codings of HTTP: a body as received becomes the body as meant. Pure."""

from __future__ import annotations

import zlib

# zlib's window bits for the formats of RFC 1952, RFC 1950 and RFC 1951.
_GZIP, _ZLIB, _RAW = 31, 15, -15


def decode_body(raw: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """Undo *content_encoding* (`gzip`, `deflate`, none), up to *max_bytes* bytes.

    Raises `ValueError` with the reason: another or a stacked coding, a damaged or torn
    body, or one that decodes to more (it is not decoded further than that).
    """
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"} or not raw:
        return _checked(raw, max_bytes)
    if coding in {"gzip", "x-gzip"}:
        return _inflate_members(raw, max_bytes)
    if coding == "deflate":
        return _inflate(raw, _deflate_window(raw), max_bytes)[0]
    msg = f"content coding {content_encoding!r} is not gzip or deflate"
    raise ValueError(msg)


def _deflate_window(raw: bytes) -> int:
    """`deflate` means zlib (RFC 9110, 8.4.1.2), but some servers send a bare stream."""
    is_zlib = raw[0] & 0x0F == 8 and int.from_bytes(raw[:2]) % 31 == 0
    return _ZLIB if is_zlib else _RAW


def _inflate_members(raw: bytes, max_bytes: int) -> bytes:
    """Decode gzip, which may be several members in a row (RFC 1952, 2.2)."""
    parts: list[bytes] = []
    left = max_bytes
    # What follows the members and is none itself is padding, as gzip(1) takes it.
    while raw.startswith(b"\x1f\x8b") or not parts:
        part, raw = _inflate(raw, _GZIP, left)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _inflate(raw: bytes, window: int, max_bytes: int) -> tuple[bytes, bytes]:
    decoder = zlib.decompressobj(window)
    try:
        content = decoder.decompress(raw, max_bytes + 1)
    except zlib.error as error:
        msg = f"the compressed body is damaged: {error}"
        raise ValueError(msg) from error
    _checked(content, max_bytes)
    if not decoder.eof:
        msg = "the compressed body is cut off"
        raise ValueError(msg)
    return content, decoder.unused_data


def _checked(content: bytes, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        msg = f"the body has more than {max_bytes} bytes"
        raise ValueError(msg)
    return content
