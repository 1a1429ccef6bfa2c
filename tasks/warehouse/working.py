"""The working file, which one run at a time writes to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import _duckdb as duckdb

from tasks.models import (
    KnownSource,
    Source,
)
from tasks.rows import SCHEMAS, JsonTable, Table, Tables, table
from tasks.warehouse.articles import ArticleTables
from tasks.warehouse.audits import AuditTables
from tasks.warehouse.engine import (
    NOTHING,
    Memory,
    WarehouseError,
    batch_tables_asked,
    connect,
    group_rows,
    in_words,
    sql_of,
    tables_shrunk,
    tables_written,
    unusable,
)
from tasks.warehouse.history import HistoryTables
from tasks.warehouse.images import ImageTables
from tasks.warehouse.migrations import (
    applied_migrations,
    back_up,
    known_migrations,
    migrate,
    put_questions,
)
from tasks.warehouse.pages import PageTables
from tasks.warehouse.published import Published
from tasks.witness import Witness

# DuckDB keeps what it reads of tables while there is memory, and glibc what DuckDB let
# go of. After so many bytes of batches both are told to give back all but so much: a
# load of 20,704 files peaked at 686 MiB without.
FORGET_BYTES = 8_000_000
# Indexes that are in memory stay there, and only writers need them. Of a larger file
# they are let go of before it is read to be exported, by opening it anew (7 ms): a load
# of 20,704 files peaked at 757 MiB then, not at 607.
HEAVY_BYTES = 100_000_000


class Warehouse:
    """The working file, open for the one run that holds the lock."""

    def __init__(
        self,
        path: Path,
        connection: duckdb.DuckDBPyConnection,
        witness: Witness,
        *,
        grouped: int,
        exports: Path | None = None,
        is_migrated: bool = False,
    ) -> None:
        self._path = path
        self._exports = exports  # the one folder to which tables may be written
        self._grouped = grouped  # rows of a group that is written
        self._connection = connection
        self._witness = witness
        self._is_open = True
        self._is_transaction = False  # under way
        self.memory = Memory(connection)
        self.articles = ArticleTables(self)
        self.audits = AuditTables(self)
        self.history = HistoryTables(self)
        self.pages = PageTables(self)
        self.images = ImageTables(self)
        self.is_migrated = is_migrated  # when it was opened: any table may be another
        self._made: set[str] = set()  # temporary tables of batches
        self._filled: set[str] = set()  # those that hold rows
        self._filled_bytes = 0  # of rows, since DuckDB was last told to forget
        self.fills = 0  # how often rows were added to a batch
        self.written: set[str] = set()  # tables of which this run changed rows
        self.shrunk: set[str] = set()  # those of which it deleted some
        self.killed_flow_runs: list[UUID] = []  # found open when this run began

    def close(self) -> None:
        """Close the file; what was committed stays."""
        if self._is_open:
            self._is_open = False
            self._connection.close()
            self._witness.note(closed=True)

    def _reopen(self) -> None:
        """Open the file anew: rows are grouped by its size, nothing is in memory."""
        self._connection.close()
        self._witness.note()
        self._connection = connect(self._path, exports=self._exports)
        self.memory = Memory(self._connection)
        self._grouped = group_rows(self._path)
        self._made.clear()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the statements inside, or none."""
        self._execute("begin")
        self._is_transaction = True
        try:
            yield
        except BaseException:
            # Where the disk is full, DuckDB has rolled back already and says so.
            with contextlib.suppress(WarehouseError):
                self._execute("rollback")
            self._made &= self._filled  # what was made inside is gone
            raise
        finally:
            self._is_transaction = False
        self._execute("commit")
        self._witness.note()

    # --- runs

    def begin_run(
        self, run_id: UUID, moment: datetime, version: str, *, published: int = 0
    ) -> int:
        """Open the books of a run and return its number; open ones were killed.

        *published* is the last run that was, however old this file may be.
        """
        parameters = {
            "run_id": run_id,
            "moment": moment,
            "version": version,
            "known": max(published, self._witness.run),
        }
        with self.transaction():
            killed = self.ask("mark_killed_runs", {"published": published})
            (row,) = self.ask("begin_run", parameters)
        self._witness.begin(int(row[0]))
        self.killed_flow_runs = [id_ for (id_,) in killed if id_ is not None]
        return int(row[0])

    def last_moment(self) -> datetime | None:
        """Return when the last run began, by its own clock; None if there was none."""
        rows = self.ask("last_moment")
        return rows[0][0] if rows else None

    def spread_due(
        self, moment: datetime, latest: datetime, *, page_days: float, image_days: float
    ) -> None:
        """Spread over days what is due before *moment* or after *latest*."""
        parameters = {"moment": moment, "latest": latest}
        with self.transaction():
            self.ask("spread_due_pages", {**parameters, "usual_days": page_days})
            self.ask("spread_due_images", {**parameters, "usual_days": image_days})

    def run_before(self, number: int) -> UUID | None:
        """Return the run before the one of that *number*, however it ended."""
        rows = self.ask("run_before", {"number": number})
        return rows[0][0] if rows else None

    def finish_run(
        self, run_id: UUID, moment: datetime, status: str, summary: Mapping[str, Any]
    ) -> None:
        """Close the books of a run."""
        parameters = {
            "run_id": run_id,
            "moment": moment,
            "status": status,
            "summary": json.dumps(summary),
        }
        self.ask("finish_run", parameters)

    def name_flow_run(self, run_id: UUID, flow_run_id: UUID) -> None:
        """Note which flow run of Prefect a run is."""
        self.ask("name_flow_run", {"run_id": run_id, "flow_run_id": flow_run_id})

    # --- sources, and what is loaded of them

    def known_source(self, source_id: UUID) -> KnownSource | None:
        """Return what earlier runs know of a source."""
        rows = self.ask("known_source", {"source_id": source_id})
        return KnownSource(*rows[0]) if rows else None

    def put_source(
        self, source: Source, read_at: datetime | None, revision: str | None = None
    ) -> None:
        """Note a source; *read_at* is None until it was read to its end."""
        parameters = {
            "source_id": source.source_id,
            "kind": source.kind,
            "name": source.name,
            "location": source.location,
            "revision": revision,
            "moment": read_at,
        }
        self.ask("put_source", parameters)

    @contextmanager
    def batch(
        self,
        tables: Tables,
        gone: Sequence[UUID] = (),
        gone_at: Mapping[UUID, datetime] | None = None,
    ) -> Iterator[None]:
        """Hold the rows of *tables* ready as `batch_…` for what is loaded inside.

        *gone* are documents that are no longer there, *gone_at* tells since when; where
        it does not, they are found gone now.
        """
        if gone:
            ids = table("batch_ids", [(i, (gone_at or {}).get(i)) for i in gone])
            tables = {**tables, "batch_ids": ids}
        with self.holding(tables):
            yield
        if group_rows(self._path) != self._grouped:
            self._reopen()

    def fill(self, tables: Tables) -> None:
        """Add rows to the batch that is held."""
        self.fills += 1
        for name, rows in tables.items():
            if rows.num_rows:
                self._fill(name, rows)

    def put_rejections(self, run_id: UUID) -> None:
        """Put the batch's rejections on record; one that stands keeps its row."""
        self.ask("put_rejections", {"run_id": run_id})

    def resolve_listing(self, source_id: UUID, moment: datetime) -> None:
        """End the rejections of what was no file, but for those of the batch."""
        parameters = {"source_id": source_id, "moment": moment}
        self.ask("resolve_rejections_of_listing", parameters)

    # --- the file

    def checkpoint(self) -> None:
        """Bring everything committed into the file itself, so that it can be copied."""
        self._execute("checkpoint")
        self._witness.note()

    @contextmanager
    def exported(self) -> Iterator[Published]:
        """Read what is to be published, and write it below the folder of exports."""
        is_heavy = self._path.stat().st_size > HEAVY_BYTES
        if is_heavy:
            self._reopen()
        # Which row groups by bytes ask for; one thread keeps the order all the same.
        self._execute("set preserve_insertion_order = false")
        try:
            yield Published(self._connection, is_heavy=is_heavy)
        except duckdb.Error as error:
            reason = in_words(error)
            msg = f"the tables cannot be read, nothing was published: {reason}"
            raise WarehouseError(msg) from None

    def ask(
        self, name: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Run the statement of that *name*, and return the rows of its answer.

        One that only puts what the batch holds is left out where that is nothing.
        """
        asked = batch_tables_asked(name)
        if asked and name.startswith("put_") and not asked & self._filled:
            return NOTHING
        for unmade in (asked - self._made) & SCHEMAS.keys():
            self._execute(_empty(unmade))
            self._made.add(unmade)
        result = self._execute(sql_of(name), parameters)
        rows = result.fetchall() if result.description else []
        if rows != NOTHING:
            self.written |= tables_written(name)
            self.shrunk |= tables_shrunk(name)
        if not self._is_transaction and tables_written(name):
            self._witness.note()
        return rows

    def _execute(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(statement, dict(parameters or {}))
        except duckdb.Error as error:
            if not isinstance(error, duckdb.OutOfMemoryException):
                self._witness.doubt()
            reason = in_words(error)
            msg = f"the warehouse cannot go on, and the next run will repair: {reason}"
            raise WarehouseError(msg) from error

    @contextmanager
    def loading(self, tables: Tables) -> Iterator[None]:
        """Hold *tables* for the statements inside, of which all count or none."""
        with self.holding(tables), self.transaction():
            yield

    @contextmanager
    def holding(self, tables: Tables) -> Iterator[None]:
        """Fill the temporary tables `batch_…` with *tables*, and empty them again.

        They are copies, because DuckDB cannot filter Arrow's UUIDs where they lie.
        """
        try:
            self.fill(tables)
            yield
        finally:
            if self._filled:
                self._execute(";".join(map(_empty, sorted(self._filled))))
            self._filled.clear()
            if self._filled_bytes > FORGET_BYTES:
                self.memory.forget()
                self._filled_bytes = 0

    def _fill(self, name: str, rows: Table) -> None:
        is_begun = name in self._filled
        how = (
            f"insert into {name}"
            if is_begun
            else f"create or replace temp table {name} as"
        )
        if isinstance(rows, JsonTable):
            self._execute(f"{how} {_from_json(name)}", {"content": rows.content})
        else:
            # As a stream of Arrow's C interface: for a table DuckDB would import all of
            # pyarrow.dataset and compute (40 ms), to ask whether it is one of theirs.
            self._connection.register("batch", rows.__arrow_c_stream__())
            self._execute(f"{how} from batch")
            self._connection.unregister("batch")
        self._made.add(name)
        self._filled.add(name)
        self._filled_bytes += rows.nbytes


@contextmanager
def open_warehouse(
    path: Path, moment: datetime, *, exports: Path | None = None
) -> Iterator[Warehouse]:
    """Open the working file, made or brought to the newest schema first.

    Of one that gets another schema a copy is kept beside it. *exports* is the one
    folder to which its tables may be written.

    Raises `WarehouseError` when the file is no warehouse, or a newer one than this.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    warehouse = _opened(path, moment, exports)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _opened(path: Path, moment: datetime, exports: Path | None) -> Warehouse:
    witness = Witness(path)
    witness.note()
    grouped = group_rows(path)
    connection = connect(path, exports=exports)
    try:
        applied = applied_migrations(connection, path)
        unseen = sorted(set(known_migrations()) - applied)
        if unseen and applied:
            connection.close()
            back_up(path, max(applied))
            connection = connect(path, exports=exports)
        migrate(connection, unseen, moment)
        put_questions(connection, moment)
    except BaseException as error:
        connection.close()
        if isinstance(error, duckdb.Error):
            raise unusable(path, error) from None
        raise
    return Warehouse(
        path,
        connection,
        witness,
        grouped=grouped,
        exports=exports,
        is_migrated=bool(unseen),
    )


@cache
def _empty(name: str) -> str:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in SCHEMAS[name].items())
    return f"create or replace temp table {name} ({columns})"


@cache
def _from_json(name: str) -> str:
    """Return what selects the rows of a `JsonTable`; no value may be lost."""
    kinds = {c: "varchar" if k == "blob" else k for c, k in SCHEMAS[name].items()}
    structure = json.dumps({column: [kind] for column, kind in kinds.items()})
    values = ", ".join(
        f'{"unhex" if kind == "blob" else ""}(unnest(rows."{column}")) as "{column}"'
        for column, kind in SCHEMAS[name].items()
    )
    return (
        f"select {values}"  # noqa: S608 - ours
        f" from (select from_json_strict($content, '{structure}') as rows)"
    )
