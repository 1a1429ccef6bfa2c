"""What an AVIF file says of its size, and what its pictures say themselves. Pure.

libavif believes the file (`ispe`), takes the memory that the pictures in it need, and
scales what comes out: a file of one kilobyte that says 100 by 75 pixels may hold 25
million. The boxes are those of ISO/IEC 14496-12 and 23008-12, the bits those of the AV1
Bitstream Specification, 5.3 to 5.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Size = tuple[int, int]

_MAX_BOXES = 10_000  # of all levels; a picture has some thirty
_MAX_UNITS = 100_000  # of all pictures, frames and metadata alike
_DEEPEST = 8  # boxes within boxes; what is asked for is 6 deep
_HEADER_BYTES = 200  # of a sequence, that hold its size even with 32 operating points
# Boxes of boxes, with the bytes of their own that come first.
_CONTAINERS = {
    b"meta": 4,
    b"iinf": 6,
    b"iprp": 0,
    b"ipco": 0,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"stsd": 8,
}
_SEQUENCE_HEADER = 1


class OddAvifError(Exception):
    """The file's parts do not fit each other."""


@dataclass(slots=True)
class _Found:
    """What the boxes say: sizes, where data lie (start, end), which are pictures."""

    declared: set[Size] = field(default_factory=set)
    extents: list[Size] = field(default_factory=list)  # of moving pictures
    items: list[tuple[int, Size]] = field(default_factory=list)  # with their numbers
    pictures: set[int] = field(default_factory=set)  # numbers of items
    boxes: int = 0


def is_avif(content: bytes) -> bool:
    """Tell whether *content* begins as files of this family do."""
    return content[4:8] == b"ftyp" and content[8:12] in {b"avif", b"avis", b"mif1"}


def avif_sizes(content: bytes) -> tuple[set[Size], set[Size]]:
    """Return the sizes that the file declares, and those of the pictures in it.

    Raises `OddAvifError` where it has too many parts, or none that can be read.
    """
    found = _Found()
    try:
        _read_boxes(content, 0, len(content), found, 0)
        still = [extent for item, extent in found.items if item in found.pictures]
        held = set(_held(content, found.extents + still))
    except (IndexError, ValueError) as error:
        msg = "parts that do not fit each other"
        raise OddAvifError(msg) from error
    return found.declared, held


def _read_boxes(
    content: bytes, start: int, end: int, found: _Found, depth: int
) -> None:
    for kind, at, stop in _boxes(content, start, end):
        found.boxes += 1
        if found.boxes > _MAX_BOXES or depth > _DEEPEST:
            msg = "too many parts"
            raise OddAvifError(msg)
        if kind in _CONTAINERS:
            wider = 2 if kind == b"iinf" and content[at] else 0  # its own count
            inside = at + _CONTAINERS[kind] + wider
            _read_boxes(content, inside, stop, found, depth + 1)
        elif kind == b"ispe":
            found.declared.add((_number(content, at + 4), _number(content, at + 8)))
        elif kind == b"av01":
            size = _number(content, at + 24, 2), _number(content, at + 26, 2)
            found.declared.add(size)
        elif kind == b"infe":
            wide = 4 if content[at] > 2 else 2
            if content[at + 6 + wide : at + 10 + wide] == b"av01":
                found.pictures.add(_number(content, at + 4, wide))
        elif kind == b"iloc":
            found.items += _item_extents(content[at:stop])
        elif kind in {b"stco", b"co64"}:
            width = 8 if kind == b"co64" else 4
            first = _number(content, at + 8, width)
            found.extents.append((first, len(content)))


def _boxes(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and end of each box."""
    at = start
    while at + 8 <= end:
        size, kind, head = _number(content, at), content[at + 4 : at + 8], 8
        if size == 1:
            size, head = _number(content, at + 8, 8), 16
        stop = min(end, at + size) if size else end
        if stop < at + head:
            return
        yield kind, at + head, stop
        at = stop


def _item_extents(box: bytes) -> Iterator[tuple[int, Size]]:
    """Yield the numbers of items and where their data lie (`iloc`, 14496-12)."""
    version = box[0]
    offset_width, length_width = box[4] >> 4, box[4] & 15
    base_width, index_width = box[5] >> 4, box[5] & 15 if version else 0
    wide = 4 if version > 1 else 2
    count, at = _number(box, 6, wide), 6 + wide
    for _ in range(count):
        item, method = _number(box, at, wide), 0
        at += wide
        if version:
            method, at = box[at + 1] & 15, at + 2
        at += 2  # which file the data are in: this one
        base = _number(box, at, base_width)
        at += base_width
        extents = _number(box, at, 2)
        at += 2
        for _ in range(extents):
            at += index_width
            start = base + _number(box, at, offset_width)
            length = _number(box, at + offset_width, length_width)
            at += offset_width + length_width
            if method == 0:  # else in a box of its own, where no picture is put
                yield item, (start, start + length)


def _held(content: bytes, extents: list[Size]) -> Iterator[Size]:
    """Yield the size that each sequence header in *extents* tells."""
    units = 0
    for start, stop in extents:
        at, end = start, min(stop, len(content))
        while at < end:
            units += 1
            if units > _MAX_UNITS:
                msg = "too many parts"
                raise OddAvifError(msg)
            head = content[at]
            at += 2 if head & 4 else 1
            size = end - at
            if head & 2:
                size, at = _leb128(content, at)
            if head >> 3 & 15 == _SEQUENCE_HEADER and at < end:
                yield _sequence_size(content[at : min(at + size, at + _HEADER_BYTES)])
            at += size


def _leb128(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = content[at + index]
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, at + index + 1
    msg = "a number without end"
    raise ValueError(msg)


def _sequence_size(header: bytes) -> Size:
    """Read up to `max_frame_height_minus_1` (5.5.1)."""
    bits = _Bits(header)
    bits.read(4)  # profile, still picture
    if bits.read(1):  # reduced header
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.read(1):  # timing
        bits.read(64)
        if bits.read(1):
            bits.skip_uvlc()
        if bits.read(1):  # decoder model
            delay_bits = bits.read(5) + 1
            bits.read(42)
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)


class _Bits:
    """Reads bits, the highest first; raises `IndexError` behind the last one."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content)
        self._left = 8 * len(content)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError
        return self._value >> self._left & (1 << count) - 1

    def skip_uvlc(self) -> None:
        zeros = 0
        while not self.read(1):
            zeros += 1
        self.read(zeros)


def _number(content: bytes, at: int, width: int = 4) -> int:
    """Read a number of *width* bytes; raises `IndexError` where they are not there."""
    if at + width > len(content):
        raise IndexError
    return int.from_bytes(content[at : at + width])
