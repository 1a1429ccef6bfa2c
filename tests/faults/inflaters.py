"""Bodies, whole and damaged, decoded with isal and without: `python -m … COUNT [SEED]`.

What is decoded, what is refused and why must be the same.
"""

from __future__ import annotations

import random
import struct
import sys
import zlib
from collections import Counter
from typing import Any

from tasks import coding

GZIP, ZLIB, RAW = 31, 15, -15
STRATEGIES = (
    zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE,
    zlib.Z_FIXED,
)  # fmt: skip
WORDS = b"<p> </p> the bees came back to city news and <a href= of a in 2024".split()


def told(library: Any, raw: bytes, window: int, room: int) -> tuple[bytes | str, str]:
    """Return what a body is decoded to, or the reason and the word why it is not."""
    usual, coding.quick = coding.quick, library
    try:
        name = "gzip" if window == GZIP else "deflate"
        return coding.decode_body(raw, name, room), "ok"
    except coding.CodingError as error:
        return str(error), error.outcome
    finally:
        coding.quick = usual


def text(draw: random.Random) -> bytes:
    """Draw something to be packed, of up to 100 KB."""
    size = int(10 ** draw.uniform(0, 5)) - 1
    kind = draw.randrange(4)
    if kind == 0:
        return draw.randbytes(size)
    if kind == 1:
        return bytes([draw.randrange(256)]) * size
    if kind == 2:
        period = draw.randbytes(draw.randrange(1, 300))
        return (period * (size // len(period) + 1))[:size]
    return b" ".join(draw.choices(WORDS, k=size // 5))


def packed(draw: random.Random, content: bytes, window: int) -> bytes:
    """Pack *content* in one of the many ways that there are."""
    bits = draw.randrange(9, 16)
    bits = bits + 16 if window == GZIP else bits if window == ZLIB else -bits
    packer = zlib.compressobj(
        draw.randrange(10), zlib.DEFLATED, bits, draw.randrange(1, 10),
        draw.choice(STRATEGIES),
    )  # fmt: skip
    middle = draw.randrange(len(content) + 1)
    flush = draw.choice(
        (zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH)
    )
    stream = packer.compress(content[:middle]) + packer.flush(flush)
    stream += packer.compress(content[middle:]) + packer.flush()
    return _dressed(draw, stream) if window == GZIP and draw.random() < 0.3 else stream


def _dressed(draw: random.Random, stream: bytes) -> bytes:
    """Give a gzip member the parts of a head that hardly any has (RFC 1952, 2.3)."""
    flags = draw.randrange(256) if draw.random() < 0.2 else draw.randrange(32)
    head = b"\x1f\x8b\x08" + bytes([flags]) + draw.randbytes(6)
    if flags & 4:
        extra = draw.randbytes(draw.choice((0, 1, 8, 300, 65_535)))
        head += struct.pack("<H", len(extra)) + extra
    for flag in (8, 16):
        if flags & flag:
            name = draw.randbytes(draw.choice((0, 1, 20, 3_000)))
            head += name.replace(b"\0", b"x") + b"\0"
    if flags & 2:
        checksum = zlib.crc32(head) if draw.random() < 0.7 else draw.randrange(2**16)
        head += struct.pack("<H", checksum & 0xFFFF)
    return head + stream[10:]


def damaged(draw: random.Random, stream: bytes) -> bytes:
    """Do to a stream what networks, servers and enemies do."""
    place = draw.randrange(len(stream) + 1)
    if draw.random() < 0.3:  # where it hurts: head and end
        place = draw.choice((draw.randrange(12), len(stream) - draw.randrange(12)))
        place = max(0, min(place, len(stream) - 1))
    junk = draw.randbytes(draw.randrange(1, 99))
    few = draw.randrange(1, 9)
    return draw.choice(
        (
            stream,
            stream[:place],
            stream[:place] + junk[:few] + stream[place:],
            stream[:place] + stream[place + few :],
            stream + junk,
            stream + stream,
            stream + stream[:place],
            junk,
            _with_bits_turned(draw, stream, [place]),
            _with_bits_turned(draw, stream, draw.choices(range(len(stream)), k=few)),
        )
    )


def _with_bits_turned(draw: random.Random, stream: bytes, places: list[int]) -> bytes:
    changed = bytearray(stream)
    for place in places:
        changed[place % len(stream)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def compare(count: int, seed: int = 0) -> Counter[str]:
    """Return how often both ended in each word, and how often they differed."""
    draw = random.Random(seed)  # noqa: S311 - nothing to keep secret
    found: Counter[str] = Counter()
    while found.total() < count:
        window = draw.choice((GZIP, GZIP, GZIP, ZLIB, RAW))
        content = text(draw)
        stream = packed(draw, content, window)
        for _ in range(10):
            raw = damaged(draw, stream)
            near = len(content) + draw.randrange(-2, 3)
            room = max(0, draw.choice((near, 10_000_000, draw.randrange(200_000))))
            with_isal = told(coding.quick, raw, window, room)
            alone = told(zlib, raw, window, room)
            found[alone[1] if with_isal == alone else "different"] += 1
    return found


if __name__ == "__main__":
    for name, number in compare(*map(int, sys.argv[1:])).most_common():
        print(f"{number:9,} {name}")  # noqa: T201 - what it is for
