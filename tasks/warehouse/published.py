"""The published file: copied to, and asked."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import _duckdb as duckdb

from tasks.warehouse.engine import (
    ROW_GROUP_ROWS,
    Memory,
    WarehouseError,
    connect,
    quoted,
    sql_of,
)

# Of tables, each by the number of a range of its rows; see `Published.digests`.
Digests = dict[str, dict[str, str]]
# A table of more rows is several files as Parquet, each a range of them: so few that a
# run which changes a thousand rows writes little. Ranges double where a table would
# have more files than that. Whole groups, so that no other one is read for a file.
RANGE_ROWS = 32 * ROW_GROUP_ROWS
MAX_RANGES = 64
MAX_ROWS = 2**63 - 1
# What is told of an article, in the order in which it came about.
EXPLAINED = (
    "article files observations captures page images edges repairs rejections"
).split()


def published_run(path: Path) -> int:
    """Return the number of the run that published a file.

    Raises `WarehouseError` if it is not there or none of ours.
    """
    with open_published(path) as published:
        try:
            (row,) = published.rows("report/published")
        except (duckdb.Error, ValueError):
            msg = f"{path} was published by no run"
            raise WarehouseError(msg) from None
    return int(row["run_number"])


class Published:
    """The published file, open for reading; any number of programs may."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._memory = Memory(connection)
        self._sizes: dict[str, int] = {}  # of tables, in rows; empty: not asked yet

    def frugal(self) -> AbstractContextManager[None]:
        """Keep little in memory of the tables that are read inside."""
        return self._memory.frugal()

    def digests(self, *, but: Collection[str] = (), said: str = "") -> Digests:
        """Return of each table what is equal only while its rows and columns are.

        Large tables have one for each range of rows, by its number. They are made of
        DuckDB's hash of each row, so a new DuckDB may change them. Tables *but* for
        which it is known are left out; of small ones, it is what is *said*, if that is
        anything.
        """
        tables = {row["table_name"]: row["columns"] for row in self.rows("columns")}
        return {
            name: self._digests_of(name, columns, said)
            for name, columns in tables.items()
            if name not in but
        }

    def _digests_of(self, name: str, columns: Any, said: str) -> dict[str, str]:
        many = self._range_rows(name)
        if said and not many:
            return {"0": said}
        # A table without rows has a file, too.
        statement = (
            f"select rowid // {many or MAX_ROWS} as part, count(*), sum(hash(t))"  # noqa: S608 - ours
            f' from "{name}" as t group by part union all select 0, 0, null'
        )
        found = self._memory.frugally(lambda: self._execute(statement).fetchall())
        by_part = {part: [count, str(total)] for part, count, total in sorted(found)}
        return {
            str(part): _digest([duckdb.__version__, columns, *facts])
            for part, facts in by_part.items()
        }

    def _range_rows(self, name: str) -> int:
        """Return how many places a file of a table holds, 0 for one file in all."""
        if not self._sizes:
            sizes = "select table_name, estimated_size from duckdb_tables()"
            self._sizes = dict(self._execute(sizes).fetchall())
        if self._sizes[name] <= RANGE_ROWS:
            return 0
        many = RANGE_ROWS
        while self._sizes[name] > MAX_RANGES * many:
            many *= 2
        return many

    def export_range(self, name: str, part: int, path: Path) -> None:
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
        many = self._range_rows(name)
        rows = f'from "{name}"'
        if many:
            rows += f" where rowid between {part * many} and {(part + 1) * many - 1}"
        statement = f"copy ({rows}) to {quoted(path)} {how}"
        self._memory.forget()  # what other tables left is no help to this one
        self._memory.frugally(lambda: self._execute(statement))

    def explain(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """Return all that is known of the article with a `url_key`, part by part.

        Raises `WarehouseError` if there is no such article.
        """
        told = {part: self.rows(f"explain/{part}", {"key": key}) for part in EXPLAINED}
        if not told["article"]:
            msg = f"no article of the warehouse has the address {key}"
            raise WarehouseError(msg)
        return told

    def rows(
        self, name: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Return the answer of one of the statements in `tasks/sql`, a row a dict."""
        result = self._connection.execute(sql_of(name), dict(parameters or {}))
        columns = [column[0] for column in result.description]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def query(self, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Answer a reader's own statement with columns and rows.

        Raises `WarehouseError` with the reason.
        """
        result = self._execute(statement)
        return [column[0] for column in result.description], result.fetchall()

    def comparison(self) -> str:
        """Return the question what changed since the earlier state that is open."""
        return sql_of("diff")

    def drawn(self, statement: str, width: int) -> str:
        """Draw the answer to a reader's own statement, *width* characters wide.

        DuckDB draws it: rows and columns in the middle give way where it is too large.
        """
        text = io.StringIO()
        try:
            relation: duckdb.DuckDBPyRelation | None = self._connection.sql(statement)
            if relation is None:  # a statement without an answer, such as SET
                return ""
            with contextlib.redirect_stdout(text):
                relation.show(max_width=width, max_rows=40)
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from None
        return text.getvalue().rstrip()

    def write_parquet(self, statement: str, target: BinaryIO) -> None:
        """Write the answer to a reader's own statement as Parquet."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - for this answer alone

        pq.write_table(self._execute(statement).to_arrow_table(), target)

    def _execute(self, statement: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(statement)
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from None


@contextmanager
def open_published(path: Path, *, earlier: Path | None = None) -> Iterator[Published]:
    """Open the published file for reading; raises `WarehouseError` if there is none.

    *earlier* is another published state that is there to compare.
    """
    if not path.is_file():
        msg = f"{path} is not there yet: `wirehouse run` makes it"
        raise WarehouseError(msg)
    connection = connect(path, read_only=True, earlier=earlier)
    try:
        yield Published(connection)
    finally:
        connection.close()


def _digest(facts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]
