"""The content of `data:` addresses (RFC 2397). Pure."""

from __future__ import annotations

import base64
import binascii
import urllib.parse


def decode_data_url(url: str) -> bytes:
    """Return the content of a `data:` address (RFC 2397).

    Raises `ValueError` with the reason. Base64 is read as browsers do: white space and
    missing padding are allowed.
    """
    header, comma, data = url.strip().partition(",")
    if header[:5].lower() != "data:" or not comma:
        msg = f"{url[:40]!r} is not a data: address with a comma"
        raise ValueError(msg)
    content = urllib.parse.unquote_to_bytes(data)
    if not header.lower().rstrip().endswith(";base64"):
        return content
    packed = b"".join(content.split()).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        msg = f"the data: address is not base64: {error}"
        raise ValueError(msg) from error
