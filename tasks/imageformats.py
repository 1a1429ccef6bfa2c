"""What the bytes of an image file say of its parts and its end. Pure.

Decoders stop when they have a picture: what is cut off behind it, or repeated a million
times, only the structure tells; and it is told before any decoder walks through it.
"""

from __future__ import annotations

import re
import zlib
from struct import Struct

from tasks.avif import OddAvifError, avif_sizes, is_avif
from tasks.values import dataclass

MAX_FRAMES = 5_000  # ten minutes of animation; whoever shows it must decode them all
# Segments, blocks or chunks: 20 MB of PNG in pieces of 8 KB are 2,500.
MAX_PARTS = 50_000
# Of a JPEG before its first scan: profiles, previews and depth maps are a few million.
# Pillow copies EXIF data once for each of its segments.
MAX_HEAD_BYTES = 8_000_000
MAX_SKIPPED_BYTES = 1_000_000  # of these that belong nowhere: Pillow reads each alone
# The last chunk of a PNG, with its length and checksum (PNG, 11.2.5).
_IEND = b"\0\0\0\0IEND\xaeB`\x82"
_IHDR = Struct(">IIBBBBB")
_CHANNELS = {2: 3, 4: 2, 6: 4}  # by PNG's color type; one of all others
_DEEP = frozenset({b"\x10\x02", b"\x10\x06"})  # 16 bits of RGB or RGBA, after the size
_ONE_PASS = ((0, 0, 1, 1),)
# Where each pass begins and how far its pixels are apart, across and down (PNG, 8.1).
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_PIECE_BYTES = 1_000_000  # of a picture that is unpacked to be counted
# Markers of a JPEG within or behind its scans (ITU T.81, B.1.1.2): anything but a
# stuffed FF 00 and the restarts D0 to D7, which are part of a scan.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
# Any marker; before the first scan, decoders skip what stands between two segments.
_NEXT = re.compile(rb"\xff[^\x00\xff]")
_SOS, _EOI = 0xDA, 0xD9
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # no length follows (B.1.1.3)
# Frames whose scans are Huffman codes of a DCT (B.1.1.3). Data of the others may well
# end before their picture: arithmetic codes leave the zeros at their end out (D.1.8).
_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})
# Tables, a number of lines, comments and applications: what may follow a scan.
_BETWEEN_SCANS = frozenset({0xC4, 0xDB, 0xDC, 0xDD, 0xCC, 0xFE, *range(0xE0, 0xF0)})


@dataclass(frozen=True, slots=True)
class Structure:
    """How often a file draws its picture, and whether it has its end.

    *frames* of a GIF; *scans* of a JPEG, and where the data of its last one end, if
    those must be enough for its picture. *pixels* are those up to the far corner of the
    largest frame of a GIF, which may lie outside of the picture, or of the largest
    picture in an AVIF. *is_deep* is a PNG of more than 4 bytes a pixel. *excess* says
    what there is too much of; the rest of the file was not looked at then.
    """

    frames: int = 1
    scans: int = 1
    data_end: int = 0
    pixels: int = 0
    has_end: bool = True
    is_sound: bool = True
    is_deep: bool = False
    excess: str = ""


_TOO_MANY_PARTS = Structure(excess=f"has more than {MAX_PARTS:,} parts")


def structure_of(content: bytes) -> Structure:
    """Walk through a JPEG, PNG, GIF, WebP or AVIF; of others nothing is known."""
    if content.startswith(b"\xff\xd8"):
        return _jpeg(content)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(content)
    if content.startswith(b"GIF8"):
        return _gif(content)
    if is_webp(content):
        return Structure(has_end=_riff_bytes(content) <= len(content))
    return _avif(content) if is_avif(content) else Structure()


def is_webp(content: bytes) -> bool:
    """Tell whether *content* begins as WebP does."""
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def is_whole_webp(content: bytes) -> bool:
    """Tell whether *content* is as long as a WebP file says."""
    return is_webp(content) and _riff_bytes(content) == len(content)


def _riff_bytes(content: bytes) -> int:
    return 8 + int.from_bytes(content[4:8], "little")


def _jpeg(content: bytes) -> Structure:
    """Walk through the markers up to the end; what follows it is nobody's concern.

    Only what stands behind the first scan counts as the end: what comes before may hold
    another JPEG, the preview of a camera.
    """
    at, scans, data_end, skipped = 2, 0, 0, 0
    is_huffman = False
    for _ in range(MAX_PARTS):
        if content[at : at + 1] != b"\xff":
            found = None if scans else _NEXT.search(content, at)
            if found is None:
                return Structure(scans=scans, has_end=False)
            skipped += found.start() - at
            at = found.start()
        marker = content[at + 1] if at + 1 < len(content) else 0
        if marker == _EOI:
            end = data_end if is_huffman else 0
            return Structure(scans=scans, data_end=end, is_sound=scans > 0)
        if marker == 0xFF:  # fill bytes may precede any marker (B.1.1.2)
            at += 1
            continue
        if not scans and marker in _BARE:
            at += 2
            continue
        if scans and marker != _SOS and marker not in _BETWEEN_SCANS:
            return Structure(scans=scans, is_sound=False)
        is_huffman |= marker in _HUFFMAN
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
        if not scans and (excess := _head_excess(at, skipped)):
            return Structure(excess=excess)
        if marker == _SOS:
            scans += 1
            found = _MARKER.search(content, at)
            at = data_end = found.start() if found else len(content)
    return _TOO_MANY_PARTS


def _head_excess(size: int, skipped: int) -> str:
    if size > MAX_HEAD_BYTES:
        return "has more than 8 MB of data before its picture"
    if skipped > MAX_SKIPPED_BYTES:
        return "has more than 1 MB of nothing before its picture"
    return ""


def _png(content: bytes) -> Structure:
    """Count the chunks; Pillow checks everything else of them, but for the last one.

    It unpacks each color profile up to a limit, but as many as there are.
    """
    at, profiles = 8, 0
    for _ in range(MAX_PARTS):
        kind = content[at + 4 : at + 8]
        if at >= len(content) or kind == b"IEND":
            has_end = content[at : at + len(_IEND)] == _IEND
            is_deep = content[24:26] in _DEEP
            return Structure(has_end=has_end, is_deep=is_deep)
        profiles += kind == b"iCCP"
        if profiles > 1:
            return Structure(excess="has more than one color profile")
        at += 12 + int.from_bytes(content[at : at + 4])
    return _TOO_MANY_PARTS


def lacks_rows(content: bytes) -> bool:
    """Tell whether a sound PNG unpacks to less than its picture needs (PNG, 7 and 8).

    Decoders leave the rows that do not come as they are, and say nothing.
    """
    width, height, depth, color, *_, is_interlaced = _IHDR.unpack_from(content, 16)
    bits = depth * _CHANNELS.get(color, 1)
    passes = _ADAM7 if is_interlaced else _ONE_PASS
    missing = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            missing += rows * (1 + -(-columns * bits // 8))
    unpacker = zlib.decompressobj()
    at = 8
    while missing > 0 and at < len(content) and not unpacker.eof:
        size = int.from_bytes(content[at : at + 4])
        packed = content[at + 8 : at + 8 + size]
        if content[at + 4 : at + 8] == b"IDAT":
            while packed and missing > 0:
                missing -= len(unpacker.decompress(packed, _PIECE_BYTES))
                packed = unpacker.unconsumed_tail
        at += 12 + size
    return missing > 0


def _avif(content: bytes) -> Structure:
    """Compare the sizes of the pictures with those that the file declares."""
    try:
        declared, held = avif_sizes(content)
    except OddAvifError as error:
        return Structure(excess=f"has {error}")
    pixels = max((width * height for width, height in held), default=0)
    for width, height in held - declared:
        told = f"has a picture of {width:,} by {height:,} pixels, which it does not say"
        return Structure(pixels=pixels, excess=told)
    return Structure(pixels=pixels, has_end=bool(held))  # else no picture is in it


def _gif(content: bytes) -> Structure:
    """Walk through the blocks up to the trailer (GIF89a, appendix B)."""
    at = 13 + _colors(content, 10)
    frames = pixels = told = 0
    for _ in range(MAX_PARTS):
        kind = content[at] if at < len(content) else None
        if kind == 0x3B or kind is None:
            return Structure(frames, pixels=pixels, has_end=kind is not None)
        if kind == 0:  # one too many at the end of a block; every reader skips it
            at += 1
            continue
        if kind == 0x21:
            at += 2
        elif kind == 0x2C:
            frames += 1
            if frames > MAX_FRAMES:
                return Structure(excess=f"has more than {MAX_FRAMES:,} frames")
            pixels = max(pixels, _gif_extent(content, at + 1))
            at += 11 + _colors(content, at + 9)
        else:
            return Structure(frames, pixels=pixels, is_sound=False)
        while at < len(content) and content[at] and told <= MAX_PARTS:
            at += 1 + content[at]
            told += kind == 0x21
        if told > MAX_PARTS:
            break
        at += 1
    return _TOO_MANY_PARTS


def _gif_extent(content: bytes, at: int) -> int:
    left, top, width, height = (
        int.from_bytes(content[start : start + 2], "little")
        for start in range(at, at + 8, 2)
    )
    return (left + width) * (top + height)


def _colors(content: bytes, at: int) -> int:
    """Return the bytes of the color table that the flags at *at* announce."""
    flags = content[at] if at < len(content) else 0
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
