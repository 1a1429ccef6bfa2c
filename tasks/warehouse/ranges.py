"""Ranges of tables: which rows are in one, where they lie in the file, as Parquet."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Collection, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import _duckdb as duckdb

from tasks.values import dataclass
from tasks.warehouse.blocks import HEADER_BYTES
from tasks.warehouse.engine import ROW_GROUP_ROWS, quoted

if TYPE_CHECKING:
    from tasks.warehouse.published import Published

# Of a table, by the number of a range of its rows; a small table has one, 0.
Parts = Mapping[str, str]
Digests = Mapping[str, Parts]
# A table of more rows is several files as Parquet.
LARGE_ROWS = 32 * ROW_GROUP_ROWS
# Each has so many places: few, so that of a run which changes little little is written.
# They double where a table would have more files than that. Whole groups of rows, also
# of those that large files have, so that no other one is read for a file.
RANGE_ROWS = 8 * ROW_GROUP_ROWS
MAX_RANGES = 64
MAX_ROWS = 2**63 - 1
# A file of DuckDB begins with three headers, of which the two last are written in turn:
# a checksum, then the number of the checkpoint.
_CHECKPOINT = struct.Struct("<8xQ")


@dataclass(frozen=True, slots=True)
class Ranges:
    """What is known of the ranges of tables: *rows* tells which rows they hold.

    *places* tells of large tables where in the file these lie.
    """

    rows: Digests = field(default_factory=dict)
    places: Digests = field(default_factory=dict)


class RangeTables:
    """The ranges of the tables of a file that is open."""

    def __init__(self, published: Published) -> None:
        self._published = published
        self._sizes: dict[str, int] = {}  # of tables, in rows; empty: not asked yet

    def look(
        self,
        known: Ranges | None = None,
        *,
        changed: Collection[str] = (),
        said: str = "",
    ) -> Ranges:
        """Return of each range what is equal only while its rows and columns are.

        It is made of DuckDB's hash of each row, so a new DuckDB may change it. What is
        *known* is taken over of tables but for those *changed* since, and of large ones
        for ranges that lie where they lay: no other rows may have been there meanwhile.
        Of a small one that changed, it is what is *said*.
        """
        known = known or Ranges()
        rows: dict[str, Parts] = {}
        places: dict[str, Parts] = {}
        for table in self._published.rows("columns"):
            name, columns = table["table_name"], table["columns"]
            many = self._range_rows(name)
            if name in known.rows and name not in changed:
                rows[name] = known.rows[name]
                places[name] = known.places.get(name, {})
            elif many:
                places[name] = self._places(name, columns, many)
                rows[name] = self._rows(name, columns, many, places[name], known)
            elif name in known.rows:
                rows[name] = {"0": said}
            else:
                rows[name] = self._all_rows(name, columns, MAX_ROWS)
        return Ranges(rows, {name: parts for name, parts in places.items() if parts})

    def export(self, name: str, part: int, path: Path) -> None:
        """Write a range of a table as Parquet below the folder that exports may go to.

        The first has *part* 0, and all rows of a small table.
        """
        # By bytes, or a table of large texts would be held in memory whole; and only
        # columns of few values get a dictionary, which takes half of time and memory.
        # Level 1 takes half of the time of zstd's usual one, and a tenth more bytes.
        how = (
            "(format parquet, codec zstd, compression_level 1,"
            " row_group_size_bytes '16MB', dictionary_size_limit 20)"
        )
        rows = _from_range(name, part, self._range_rows(name) or MAX_ROWS)
        self._published.forget()  # what other tables left is no help to this one
        self._published.frugally(f"copy ({rows}) to {quoted(path)} {how}")

    def _rows(
        self, name: str, columns: str, many: int, places: Parts, known: Ranges
    ) -> Parts:
        """Return what tells of the rows of each range of a large table."""
        before = known.places.get(name, {})
        same = {
            part: known.rows[name][part]
            for part, place in places.items()
            if before.get(part) == place and part in known.rows[name]
        }
        if not same:
            return self._all_rows(name, columns, many)
        return {
            part: same.get(part) or self._rows_of_part(name, columns, many, int(part))
            for part in places
        }

    def _rows_of_part(self, name: str, columns: str, many: int, part: int) -> str:
        statement = f"select count(*), sum(hash(t)) {_from_range(name, part, many)}"
        (found,) = self._published.frugally(statement)
        return _digest(columns, *found)

    def _all_rows(self, name: str, columns: str, many: int) -> Parts:
        # A table without rows has a file, too.
        statement = (
            f"select rowid // {many} as part, count(*), sum(hash(t))"  # noqa: S608 - ours
            f' from "{name}" as t group by part union all select 0, 0, null'
        )
        found = sorted(self._published.frugally(statement))
        by_part = {part: (count, total) for part, count, total in found}
        return {str(part): _digest(columns, *told) for part, told in by_part.items()}

    def _places(self, name: str, columns: str, many: int) -> Parts:
        """Return where the rows of each range lie; nothing if not all are in the file.

        Rows that were deleted lie there still.
        """
        parameters = {"name": name, "many": many}
        lying = self._published.rows("places", parameters)
        if not all(row["is_settled"] for row in lying):
            return {}
        digests = {row["part"]: row["digest"] for row in lying}
        statement = f'select rowid // {many}, count(*) from "{name}" group by all'  # noqa: S608 - ours
        standing = {0: 0, **dict(self._published.frugally(statement))}
        return {
            str(part): _digest(columns, many, count, digests.get(part))
            for part, count in sorted(standing.items())
        }

    def _range_rows(self, name: str) -> int:
        """Return how many places a file of a table has, 0 for one file in all."""
        if not self._sizes:
            sizes = "select table_name, estimated_size from duckdb_tables()"
            self._sizes = dict(self._published.frugally(sizes))
        if self._sizes[name] <= LARGE_ROWS:
            return 0
        many = RANGE_ROWS
        while self._sizes[name] > MAX_RANGES * many:
            many *= 2
        return many


def checkpoint_of(file: BinaryIO) -> int:
    """Return the number of the last checkpoint of a file of DuckDB, 0 if it is none.

    The file may be open here while DuckDB has it, but not be closed.
    """
    headers = (os.pread(file.fileno(), 16, at * HEADER_BYTES) for at in (1, 2))
    found = [_CHECKPOINT.unpack(h)[0] for h in headers if len(h) == _CHECKPOINT.size]
    return max(found, default=0)


def _from_range(name: str, part: int, many: int) -> str:
    if many == MAX_ROWS:
        return f'from "{name}" as t'
    return (
        f'from "{name}" as t where rowid between {part * many}'
        f" and {(part + 1) * many - 1}"
    )


def _digest(*facts: Any) -> str:
    told = json.dumps([duckdb.__version__, *map(str, facts)])
    return hashlib.sha256(told.encode()).hexdigest()[:20]
