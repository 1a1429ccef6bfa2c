"""The blocks of a DuckDB file, read without DuckDB: also those of indexes.

DuckDB verifies the checksum of a block when it first reads it. Indexes are read by who
writes, so that a file whose rows can all be read may still end each run.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

# Three headers come first, of which the two last are written in turn.
HEADER_BYTES = 4_096
_START = 3 * HEADER_BYTES
_BLOCK_BYTES = 262_144
# A header's checksum, then the number of the checkpoint, where tables and free blocks
# are told of, how many blocks there are, and how large each is.
_HEADER = struct.Struct("<8x5Q")
_WORD = struct.Struct("<Q")
# What is told of tables is in 64 parts of a block, each with the place of the next one.
_PART_BYTES = (_BLOCK_BYTES - 8) // 64 // 8 * 8
_PART = struct.Struct(f"<{_PART_BYTES // 8}Q")
_NOWHERE = 2**64 - 1
# The checksum of a block is that of its words: each times this, all of them xored.
_FACTOR, _BEGUN = 0xBF58476D1CE4E5B9, 5_381
# Every second of a block's words, so that a product has room beside the next one.
_PAIRS = _BLOCK_BYTES // 16
_EVEN = int.from_bytes((b"\xff" * 8 + bytes(8)) * _PAIRS, "little")


def damaged_block(path: Path, but_for: Collection[int] = ()) -> int | None:
    """Return the first block in use that does not fit its checksum; None: all do.

    *but_for* are blocks that were read already. The file is one that DuckDB opened, so
    its headers are whole, and nobody has it open here: closing it again would take
    DuckDB's lock from it.
    """
    with path.open("rb") as file:
        descriptor = file.fileno()
        headers = [
            _HEADER.unpack(os.pread(descriptor, _HEADER.size, at * HEADER_BYTES))
            for at in (1, 2)
        ]
        _, _, free_list, count, size = max(headers)
        if size != _BLOCK_BYTES:  # of nothing that we wrote
            return None
        unused = _free_blocks(descriptor, free_list)
        for number in range(count):
            if number in but_for or number in unused:
                continue
            block = os.pread(descriptor, _BLOCK_BYTES, _place(number))
            if len(block) < _BLOCK_BYTES or _checksum(block) != _WORD.unpack_from(
                block
            ):
                return number
    return None


def _free_blocks(descriptor: int, pointer: int) -> frozenset[int]:
    words = _words(descriptor, pointer)
    return frozenset(islice(words, next(words, 0)))


def _words(descriptor: int, pointer: int) -> Iterator[int]:
    """Yield the words of what begins at a place, part by part."""
    while pointer != _NOWHERE:
        number, part = pointer & (2**56 - 1), pointer >> 56
        place = _place(number) + 8 + part * _PART_BYTES
        pointer, *words = _PART.unpack(os.pread(descriptor, _PART_BYTES, place))
        yield from words


def _place(number: int) -> int:
    return _START + number * _BLOCK_BYTES


def _checksum(block: bytes) -> tuple[int]:
    """Return the checksum of a block, as DuckDB makes it.

    All words are one number of Python: a loop over them takes 2.7 times as long.
    """
    words = int.from_bytes(block[8:], "little")
    products = (words & _EVEN) * _FACTOR & _EVEN
    products ^= (words >> 64 & _EVEN) * _FACTOR & _EVEN
    pairs = _PAIRS
    while pairs > 1:
        pairs //= 2
        half = pairs * 128
        products = products >> half ^ products & (1 << half) - 1
    return (_BEGUN ^ products,)
