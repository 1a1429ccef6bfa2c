"""The published file: copied to, and asked."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import _duckdb as duckdb

from tasks.warehouse.engine import (
    CATALOG,
    Memory,
    WarehouseError,
    connect,
    in_words,
    sql_of,
)
from tasks.warehouse.ranges import RangeTables

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
    """The published file, open for reading; any number of programs may.

    Of one that is not *heavy*, all may be kept in memory.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, *, is_heavy: bool = True
    ) -> None:
        self._connection = connection
        self._memory = Memory(connection) if is_heavy else None
        self.ranges = RangeTables(self)

    @property
    def is_heavy(self) -> bool:
        """Whether memory is to be spared: one thing after the other, little kept."""
        return self._memory is not None

    @contextmanager
    def beside(self) -> Iterator[Published]:
        """Open a light file once more, for another thread."""
        connection = self._connection.cursor()
        try:
            connection.execute(f"use {CATALOG}")
            yield Published(connection, is_heavy=False)
        finally:
            connection.close()

    def frugal(self) -> AbstractContextManager[None]:
        """Keep little in memory of the tables that are read inside."""
        return nullcontext() if self._memory is None else self._memory.frugal()

    def frugally(self, statement: str) -> list[tuple[Any, ...]]:
        """Answer a statement of ours that reads tables whole, in little memory.

        Raises `WarehouseError`, which tells what to do where the disk is full.
        """

        def answer() -> list[tuple[Any, ...]]:
            try:
                return self._connection.execute(statement).fetchall()
            except duckdb.Error as error:
                raise WarehouseError(in_words(error)) from None

        return answer() if self._memory is None else self._memory.frugally(answer)

    def forget(self) -> None:
        """Let go of what was read of tables, as far as that goes."""
        if self._memory is not None:
            self._memory.forget()

    def explain(self, address: str, key: str) -> dict[str, list[dict[str, Any]]]:
        """Return all that is known of the article at an address, part by part.

        That is the one with the address's *key*, else one that has the address as its
        AMP twin's, or that answered there. Raises `WarehouseError` if there is none.
        """
        found = self.rows("explain/key", {"address": address, "key": key})
        if not found:
            msg = f"no article of the warehouse has the address {key}"
            raise WarehouseError(msg)
        known = {"key": found[0]["url_key"]}
        return {part: self.rows(f"explain/{part}", known) for part in EXPLAINED}

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
