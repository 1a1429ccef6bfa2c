"""What the bytes of an image file say of its frames, scans and end. Pure.

Decoders stop when they have a picture: what is cut off behind it, or repeated a
thousand times, only the structure tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Markers of a JPEG within or behind its scans (ITU T.81, B.1.1.2): anything but a
# stuffed FF 00 and the restarts D0 to D7, which are part of a scan.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_SOS, _EOI = 0xDA, 0xD9
# Tables, a number of lines, comments and applications: what may follow a scan.
_BETWEEN_SCANS = frozenset({0xC4, 0xDB, 0xDC, 0xDD, 0xCC, 0xFE, *range(0xE0, 0xF0)})


@dataclass(frozen=True, slots=True)
class Structure:
    """How often a file draws its picture, and whether it has its end.

    *frames* of an animation, 1 for a still; *scans* of a JPEG, 1 for other formats.
    """

    frames: int = 1
    scans: int = 1
    has_end: bool = True
    is_sound: bool = True


def jpeg_structure(content: bytes) -> Structure:
    """Walk through the markers up to the end; what follows it is nobody's concern.

    Only what stands behind the first scan counts as the end: what comes before may hold
    another JPEG, the preview of a camera.
    """
    at, scans = 2, 0
    while content[at : at + 1] == b"\xff":
        marker = content[at + 1] if at + 1 < len(content) else 0
        if marker == _EOI:
            return Structure(scans=scans, is_sound=scans > 0)
        if marker == 0xFF:  # fill bytes may precede any marker (B.1.1.2)
            at += 1
            continue
        if scans and marker != _SOS and marker not in _BETWEEN_SCANS:
            return Structure(scans=scans, is_sound=False)
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == _SOS:
            scans += 1
            found = _MARKER.search(content, at)
            at = found.start() if found else len(content)
    return Structure(scans=scans, has_end=False)


def gif_structure(content: bytes) -> Structure:
    """Walk through the blocks up to the trailer (GIF89a, appendix B)."""
    at = 13 + _colors(content, 10)
    frames = 0
    while at < len(content):
        kind = content[at]
        if kind == 0x3B:
            return Structure(frames=frames)
        if kind == 0:  # one too many at the end of a block; every reader skips it
            at += 1
            continue
        if kind == 0x21:
            at += 2
        elif kind == 0x2C:
            frames += 1
            at += 11 + _colors(content, at + 9)
        else:
            return Structure(frames=frames, is_sound=False)
        while at < len(content) and content[at]:
            at += 1 + content[at]
        at += 1
    return Structure(frames=frames, has_end=False)


def webp_structure(content: bytes) -> Structure:
    """Compare the size of the RIFF container with that of the file."""
    size = 8 + int.from_bytes(content[4:8], "little")
    return Structure(has_end=size <= len(content))


def is_whole_webp(content: bytes) -> bool:
    """Tell whether *content* looks like a WebP file from its first to its last byte."""
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return is_webp and 8 + int.from_bytes(content[4:8], "little") == len(content)


def _colors(content: bytes, at: int) -> int:
    """Return the bytes of the color table that the flags at *at* announce."""
    flags = content[at] if at < len(content) else 0
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
