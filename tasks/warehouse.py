"""The only room that speaks SQL: one statement a file, its promise on top."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from uuid import UUID

# The engine itself: the package around it spends 20 ms on types that nobody asks for.
import _duckdb as duckdb

from tasks.files import copy_file, sync_file, sync_folder
from tasks.models import (
    Audit,
    DueExtraction,
    DueImage,
    DuePage,
    KeptCapture,
    KeptImage,
    KnownFile,
    KnownSource,
    Rest,
    Severity,
    Source,
    StoredCapture,
    StoredDocument,
    WarcPlace,
)
from tasks.rows import SCHEMAS, Tables, table
from tasks.witness import Witness

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
# Of tables, each by the number of a range of its rows; see `Published.digests`.
Digests = dict[str, dict[str, str]]

_FOLDER = Path(__file__).parent / "sql"
# A connection reads and writes its file alone: no statement, however it came about,
# reaches another one or the network, or loosens that. `_Memory` alone changes a limit.
_LOCKED_DOWN = """
set enable_external_access = false;
set TimeZone = 'UTC';
set allowed_configs = ['memory_limit'];
set lock_configuration = true;
"""
# One thread: a second one spends half as much CPU again on statements this small. And
# few checkpoints while a run loads: each packs what it finds and leaves holes behind.
_TUNED = """
set threads = 1;
set checkpoint_threshold = '32MB';
"""
# A checkpoint writes each group of rows that changed anew, with all its texts. DuckDB's
# 122,880 rows are all files of most hubs, again and again; analysts never notice.
ROW_GROUP_ROWS = 2_048
# A table of more rows is several files as Parquet, each a range of them: so few that a
# run which changes a thousand rows writes little. Ranges double where a table would
# have more files than that. Whole groups, so that no other one is read for a file.
RANGE_ROWS = 32 * ROW_GROUP_ROWS
MAX_RANGES = 64
# DuckDB keeps what it reads of tables while there is memory, and glibc what DuckDB let
# go of. After so many bytes of batches both are told to give back all but so much: a
# load of 20,704 files peaked at 686 MiB without.
FORGET_BYTES = 8_000_000
KEPT = "100MB"
# Written to by every run, which never takes away a row or changes a key: a rule that
# held cannot be broken by them, but by the rows that name theirs.
_ALWAYS = frozenset({"runs", "sources"})
_NAME = "warehouse"
MAX_RUN = 2**63 - 1  # any run at all
_EVER = datetime.min.replace(tzinfo=UTC)  # since when all rows are
NOTHING: list[tuple[Any, ...]] = [(0,)]  # DuckDB's answer where no row was changed
# What is told of an article, in the order in which it came about.
EXPLAINED = (
    "article files observations captures page images edges repairs rejections"
).split()
_NO_EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class WarehouseError(Exception):
    """A warehouse that cannot be used: one line on what and what to do."""


class DamagedError(WarehouseError):
    """A file that is not what a run left: *kind* is `damaged` or `foreign`."""

    def __init__(self, reason: str, kind: str = "damaged") -> None:
        super().__init__(reason)
        self.kind = kind


class Warehouse:
    """The working file, open for the one run that holds the lock."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        witness: Witness,
        *,
        is_migrated: bool = False,
    ) -> None:
        self._connection = connection
        self._witness = witness
        self._is_open = True
        self._is_transaction = False  # under way
        self._memory = _Memory(connection)
        self.is_migrated = is_migrated  # when it was opened: any table may be another
        self._filled: set[str] = set()  # temporary tables that hold rows
        self._filled_bytes = 0  # of rows, since DuckDB was last told to forget
        self._knows: bool | None = None  # documents of the batch; None: not asked yet
        self.written: set[str] = set()  # tables of which this run changed rows
        self.shrunk: set[str] = set()  # those of which it deleted some
        self.killed_flow_runs: list[UUID] = []  # found open when this run began
        self._execute(";".join(map(_empty, SCHEMAS)))

    def close(self) -> None:
        """Close the file; what was committed stays."""
        if self._is_open:
            self._is_open = False
            self._connection.close()
            self._witness.note(closed=True)

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
            self._run("settle_runs", {"published": published})
            killed = self._run("mark_killed_runs")
            (row,) = self._run("begin_run", parameters)
        self._witness.begin(int(row[0]))
        self.killed_flow_runs = [id_ for (id_,) in killed if id_ is not None]
        return int(row[0])

    def last_moment(self) -> datetime | None:
        """Return when the last run began, by its own clock; None if there was none."""
        rows = self._run("last_moment")
        return rows[0][0] if rows else None

    def spread_due(
        self, moment: datetime, latest: datetime, *, page_days: float, image_days: float
    ) -> None:
        """Spread over days what is due before *moment* or after *latest*."""
        parameters = {"moment": moment, "latest": latest}
        with self.transaction():
            self._run("spread_due_pages", {**parameters, "usual_days": page_days})
            self._run("spread_due_images", {**parameters, "usual_days": image_days})

    def run_before(self, number: int) -> UUID | None:
        """Return the run before the one of that *number*, however it ended."""
        rows = self._run("run_before", {"number": number})
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
        self._run("finish_run", parameters)

    def name_flow_run(self, run_id: UUID, flow_run_id: UUID) -> None:
        """Note which flow run of Prefect a run is."""
        self._run("name_flow_run", {"run_id": run_id, "flow_run_id": flow_run_id})

    def audit(
        self,
        run_id: UUID,
        *,
        also: Sequence[Audit] = (),
        held: Mapping[str, Severity] = MappingProxyType({}),
        since: datetime | None = None,
        everything: bool = False,
    ) -> list[Audit]:
        """Hold the whole warehouse against every rule in `tasks/sql/audits`.

        *also* are rules that were looked at elsewhere; all are put on record. *held*
        are rules, each with its severity, that held when this run began, at *since*:
        they are looked at again only if it changed a table that they ask about, and
        only of the rows since, where the rule can tell. Of all edges, unless
        *everything* is to be looked at, others are looked at in each run.
        """
        rules = _names("audits")
        audits = self._memory.frugally(
            lambda: [
                self._audit(rule, held.get(rule), since, everything=everything)
                for rule in rules
            ]
        )
        audits += also
        found = json.dumps([asdict(audit) for audit in audits])
        self._run("put_audits", {"run_id": run_id, "audits": found})
        return audits

    def _audit(
        self,
        rule: str,
        severity: Severity | None,
        since: datetime | None,
        *,
        everything: bool,
    ) -> Audit:
        name = f"audits/{rule}"
        # More rows that others must name break no rule; nobody changes their keys.
        asks = _asks(name) - _ALWAYS - (_names_of_parents(name) - self.shrunk)
        if severity and not asks & self.written:
            return Audit(rule, severity, 0, "")
        parameters: dict[str, Any] = {}
        if "$since" in _statement(name):
            parameters["since"] = since if severity and since else _EVER
        if "$sampled" in _statement(name):
            parameters["sampled"] = not severity and not everything
        (found,) = self._run(name, parameters)
        return Audit(rule, *found)

    def named_images(self) -> list[str]:
        """Return the files that cached images name."""
        return [path for (path,) in self._run("named_images")]

    def sampled_captures(self, count: int, *, seed: int) -> list[StoredCapture]:
        """Return up to *count* captures that are on disk, others for each *seed*."""
        parameters = {"count": count, "seed": seed}
        return [StoredCapture(*r) for r in self._run("sampled_captures", parameters)]

    def loaded_files(self, moment: datetime) -> int:
        """Return how many articles the sources hold that were read at *moment*."""
        ((count,),) = self._run("loaded_files", {"moment": moment})
        return int(count)

    # --- sources and articles

    def known_source(self, source_id: UUID) -> KnownSource | None:
        """Return what earlier runs know of a source."""
        rows = self._run("known_source", {"source_id": source_id})
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
        self._run("put_source", parameters)

    def known_files(self, source_id: UUID) -> dict[str, KnownFile]:
        """Return what earlier runs know of a source's files, by path."""
        rows = self._run("known_files", {"source_id": source_id})
        return {row[0]: KnownFile(*row) for row in rows}

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
        with self._registered(tables):
            yield

    def fill(self, tables: Tables) -> None:
        """Replace rows of the batch that is held."""
        self._knows = None
        for name, rows in tables.items():
            if rows.num_rows or name in self._filled:
                self._fill(name, rows)

    def contested(self) -> list[StoredDocument]:
        """Return the unchanged files whose word may count once the batch is loaded."""
        if not self._knows_documents():
            return []  # nobody loses a claim to files that had none
        ((lost,),) = self._run("find_lost")
        if not lost:
            return []  # as nearly always, and no table is read to find that out
        self._run("find_contested")
        return [StoredDocument(*row) for row in self._run("read_contested")]

    def load_articles(self, moment: datetime) -> None:
        """Load the articles and the taxonomy of the batch."""
        parameters = {"moment": moment}
        known = self._knows_documents()
        self._run("find_edges_said")
        self._run("put_documents", parameters)
        self.put_versions(moment)
        self.put_observations()
        self._put_articles(parameters, known=known)
        self._run("put_providers")
        self._run("put_provider_images")
        self._run("put_topics")
        self._run("put_images", parameters)

    def read_history(self, source_id: UUID) -> tuple[str | None, str | None]:
        """Return up to which commit versions are kept, and since ever; None: none."""
        rows = self._run("read_history", {"source_id": source_id})
        return (rows[0][0], rows[0][1]) if rows else (None, None)

    def put_history(self, source_id: UUID, revision: str, *, is_whole: bool) -> None:
        """Note that versions are kept up to a commit; *is_whole*: from the first on."""
        parameters = {"source_id": source_id, "revision": revision, "all": is_whole}
        self._run("put_history", parameters)

    def known_documents(self, source_id: UUID, *, standing: bool = False) -> set[UUID]:
        """Return the documents of a source; only those that exist if *standing*."""
        parameters = {"source_id": source_id, "standing": standing}
        return {row[0] for row in self._run("known_documents", parameters)}

    def unread_versions(self) -> set[tuple[UUID, str]]:
        """Return the versions of the batch that are not kept: document and commit."""
        return set(self._run("unread_versions"))

    def put_versions(self, moment: datetime) -> None:
        """Keep the versions of the batch; those without a moment are of this one."""
        self._run("put_versions", {"moment": moment})

    def put_observations(self, *, everything: bool = False) -> None:
        """Tell what a reader could see of the batch's files, or of all, and when."""
        self._run("find_changes_seen", {"everything": everything})
        self._run("delete_observations")
        self._run("put_observations")

    def remove_documents(self, moment: datetime) -> None:
        """Mark the documents of the batch that are gone, and let others speak."""
        parameters = {"moment": moment}
        self._knows_documents()
        self._run("find_edges_said")  # by files that speak in place of those
        self._run("remove_documents", parameters)
        self._put_articles(parameters, known=True)

    def put_files(self) -> None:
        """Note what was seen of the batch's files, so that only changes are read."""
        self._run("put_files")

    def forget_files(self) -> None:
        """Forget the batch's files, which are gone."""
        self._run("forget_files")

    def put_rejections(self, run_id: UUID) -> None:
        """Put the batch's rejections on record; one that stands keeps its row."""
        self._run("put_rejections", {"run_id": run_id})

    def resolve_rejections(self, moment: datetime) -> None:
        """End the rejections of the batch's files that were read and taken."""
        self._run("resolve_rejections_of_files", {"moment": moment})

    def resolve_listing(self, source_id: UUID, moment: datetime) -> None:
        """End the rejections of what was no file, but for those of the batch."""
        parameters = {"source_id": source_id, "moment": moment}
        self._run("resolve_rejections_of_listing", parameters)

    def _knows_documents(self) -> bool:
        """Find what is known of the batch, once; tell if of a document of its own."""
        if self._knows is None:
            self._run("find_known_articles")
            ((self._knows,),) = self._run("knows_documents")
        return bool(self._knows)

    def _put_articles(self, parameters: Mapping[str, Any], *, known: bool) -> None:
        self._run("choose_winners")
        self._run("put_articles", parameters)
        if known:
            self._run("mark_orphans")
        self._run("delete_article_topics")
        self._run("put_article_topics")
        self._run("delete_article_images")
        self._run("put_article_images")
        listed = self._run("find_listed_edges")
        self._run("find_edge_places")
        ((first, last),) = self._run("bound_edge_places")
        standing = self._run("find_known_edges", {"first": first, "last": last})
        if listed != NOTHING or standing != NOTHING:  # most files leave theirs alone
            self._run("close_related_edges", parameters)
            self._run("revive_related_edges")
            self._run("put_related_edges", parameters)
        if known:
            self._run("close_edges_of_gone_documents", parameters)
        self._run("delete_repairs")
        self._run("put_repairs")

    # --- pages

    def due_pages(
        self, moment: datetime, *, include_related: bool, retry_failed: bool
    ) -> list[DuePage]:
        """Return the pages that are due, new ones first."""
        parameters = {
            "moment": moment,
            "include_related": include_related,
            "retry_failed": retry_failed,
        }
        return [DuePage(*row) for row in self._run("due_pages", parameters)]

    def put_captures(self, captures: pa.Table) -> int:
        """Put tries on record, each once, and return how many were not yet."""
        with self._registered({"batch_captures": captures}):
            ((count,),) = self._run("put_captures")
        return int(count)

    def put_resting_hosts(self, rests: pa.Table) -> None:
        """Note which hosts asked for a rest."""
        with self._registered({"batch_resting_hosts": rests}):
            self._run("put_resting_hosts")

    def resting_hosts(self, moment: datetime) -> list[Rest]:
        """Return the hosts that want to be left alone at *moment*."""
        return [Rest(*row) for row in self._run("resting_hosts", {"moment": moment})]

    def kept_captures(self) -> list[KeptCapture]:
        """Return each response that a row names."""
        rows = self._run("kept_captures")
        return [KeptCapture(row[0], row[1], WarcPlace(*row[2:])) for row in rows]

    def lose_captures(self, lost: pa.Table, moment: datetime) -> None:
        """Let go of captures that cannot be read back; their pages are due."""
        if lost.num_rows:
            books = {"batch_lost_captures": lost}
            with self._registered(books), self.transaction():
                self._run("lose_captures")
                self._run("due_lost_captures", {"moment": moment})

    def put_damaged_captures(
        self, rejections: pa.Table, run_id: UUID, moment: datetime
    ) -> None:
        """Note the captures that cannot be read back; those not named can be."""
        with self._registered({"batch_rejections": rejections}), self.transaction():
            self._run("resolve_rejections_of_captures", {"moment": moment})
            self.put_rejections(run_id)

    def due_extractions(self, since: datetime | None) -> list[DueExtraction]:
        """Return the captures to read, in the order in which they lie on disk.

        With *since*, also those whose page was read before that moment.
        """
        rows = self._run("due_extractions", {"since": since})
        return [DueExtraction(*row) for row in rows]

    def begin_rereading(self, moment: datetime) -> datetime:
        """Note that all captures are to be read again; return since when they are."""
        self._run("begin_rereading", {"moment": moment})
        begun_at: datetime = self._run("rereading_since")[0][0]
        return begun_at

    def end_rereading(self) -> None:
        """Note that all captures were read again."""
        self._run("end_rereading")

    def put_pages(self, tables: Tables, moment: datetime) -> None:
        """Load what pages say, where they link to and what was mended in it."""
        parameters = {"moment": moment}
        with self._registered(tables), self.transaction():
            self._run("put_pages", parameters)
            self._run("delete_links")
            self._run("put_links")
            self._run("delete_page_repairs")
            self._run("put_page_repairs")
            self._run("resolve_rejections_of_pages", parameters)

    def put_link_edges(self, moment: datetime) -> None:
        """Make edges of the links that lead to known articles."""
        parameters = {"moment": moment}
        with self.transaction():
            self._run("resolve_links")
            self._run("put_link_edges", parameters)
            self._run("close_link_edges", parameters)

    def put_duplicate_edges(self, moment: datetime) -> None:
        """Make edges between articles whose pages claim one canonical address."""
        parameters = {"moment": moment}
        with self.transaction():
            self._run("find_duplicates")
            self._run("put_duplicate_edges", parameters)
            self._run("close_duplicate_edges", parameters)

    # --- images

    def due_images(
        self, moment: datetime, *, include_related: bool, retry_failed: bool
    ) -> list[DueImage]:
        """Return the images that are due."""
        parameters = {
            "moment": moment,
            "include_related": include_related,
            "retry_failed": retry_failed,
        }
        return [DueImage(*row) for row in self._run("due_images", parameters)]

    def unknown_lead_images(self) -> list[str]:
        """Return the addresses of images that pages show and no row knows."""
        return [url for (url,) in self._run("unknown_lead_images")]

    def put_lead_images(self, images: pa.Table, moment: datetime) -> None:
        """Make rows of images that pages show; they are due at once."""
        with self._registered({"batch_images": images}):
            self._run("put_images", {"moment": moment})

    def put_images(self, results: pa.Table) -> None:
        """Note how due images ended, and which of them have a new content."""
        with self._registered({"batch_image_results": results}), self.transaction():
            self._run("put_image_versions")
            self._run("restore_image_versions")
            self._run("put_image_results")

    def kept_images(self) -> list[KeptImage]:
        """Return each file of the image cache that a row names."""
        return [KeptImage(*row) for row in self._run("kept_images")]

    def lose_images(self, lost: pa.Table) -> None:
        """Let go of cached files that are not there; their images are due."""
        with self._registered({"batch_lost_images": lost}), self.transaction():
            self._run("lose_images")
            self._run("lose_image_versions")

    def lose_unknown_images(self) -> None:
        """Make due again what is said to be cached, in a file that nobody knows."""
        self._run("lose_unknown_images")

    # --- the file

    def checkpoint(self) -> None:
        """Bring everything committed into the file itself, so that it can be copied."""
        self._execute("checkpoint")
        self._witness.note()

    def _run(
        self, name: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        given = _given(name)
        if given and not given & self._filled:
            return NOTHING
        result = self._execute(_statement(name), parameters)
        rows = result.fetchall() if result.description else []
        if rows != NOTHING:
            self.written |= _writes(name)
            self.shrunk |= _deletes(name)
        if not self._is_transaction and _writes(name):
            self._witness.note()
        return rows

    def _execute(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(statement, dict(parameters or {}))
        except duckdb.Error as error:
            self._witness.doubt()
            reason = _in_words(error)
            msg = f"the warehouse cannot go on, and the next run will repair: {reason}"
            raise WarehouseError(msg) from error

    @contextmanager
    def _registered(self, tables: Tables) -> Iterator[None]:
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
                self._memory.forget()
                self._filled_bytes = 0

    def _fill(self, name: str, rows: pa.Table) -> None:
        # As a stream of Arrow's C interface: for a table DuckDB would import all of
        # pyarrow.dataset and compute (40 ms), to ask whether it is one of theirs.
        self._connection.register("batch", rows.__arrow_c_stream__())
        self._execute(f"create or replace temp table {name} as from batch")
        self._connection.unregister("batch")
        self._filled.add(name)
        self._filled_bytes += rows.nbytes


@contextmanager
def open_warehouse(path: Path, moment: datetime) -> Iterator[Warehouse]:
    """Open the working file, made or brought to the newest schema first.

    Of one that gets another schema a copy is kept beside it.

    Raises `WarehouseError` when the file is no warehouse, or a newer one than this.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    warehouse = _opened(path, moment)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _opened(path: Path, moment: datetime) -> Warehouse:
    witness = Witness(path)
    witness.note()
    connection = _connect(path)
    try:
        applied = _applied(connection, path)
        unseen = sorted(set(_migrations()) - applied)
        if unseen and applied:
            connection.close()
            _back_up(path, max(applied))
            connection = _connect(path)
        _migrate(connection, unseen, moment)
        _put_questions(connection, moment)
    except BaseException as error:
        connection.close()
        if isinstance(error, duckdb.Error):
            raise _unusable(path, error) from None
        raise
    return Warehouse(connection, witness, is_migrated=bool(unseen))


def _unusable(path: Path, error: duckdb.Error) -> WarehouseError:
    reason = str(error).partition("\n")[0]
    return WarehouseError(f"{path} cannot be opened as a warehouse: {reason}")


def inspect_file(path: Path) -> int:
    """Read the whole of a warehouse; return the newest run that it knows, 0 for none.

    DuckDB verifies the checksum of each block that it reads, and may crash of what fits
    its checksum. Raises `DamagedError` for
    a file that a run did not leave so, `WarehouseError` for one that another program
    holds or that a newer Wirehouse wrote.
    """
    if not path.is_file():
        msg = "it is no file"
        raise DamagedError(msg, "foreign")
    try:
        with _inspected(path) as connection:
            return _read_all(connection, path)
    except (duckdb.OutOfMemoryException, WarehouseError):
        raise
    except duckdb.Error as error:
        raise _damage(path, error) from None


@contextmanager
def _inspected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config=_NO_EXTENSIONS)
    try:
        connection.execute(
            f"attach {_quoted(path)} as {_NAME} (read_only); use {_NAME}"
        )
        connection.execute(_TUNED + _LOCKED_DOWN)
        yield connection
    finally:
        connection.close()


def _read_all(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    found = connection.execute("select table_name from duckdb_tables()").fetchall()
    tables = {name for (name,) in found}
    if not tables:
        return 0  # it was only just made
    if "schema_version" not in tables:
        msg = f"it has tables such as {min(tables)!r}, and none of Wirehouse"
        raise DamagedError(msg, "foreign")
    _applied(connection, path)
    each = (f'select sum(hash(t)) from "{name}" as t' for name in sorted(tables))  # noqa: S608 - ours
    _Memory(connection).frugally(
        lambda: [connection.execute(statement).fetchall() for statement in each]
    )
    if "runs" not in tables:
        return 0
    newest = "select coalesce(max(run_number), 0) from runs"
    ((number,),) = connection.execute(newest).fetchall()
    return int(number)


# What DuckDB says where the file may be as good as ever: another program holds it, it
# may not be read, or a newer DuckDB wrote it.
_NO_DAMAGE = ("set lock on file", "denied", "open files", "version number")


def _damage(path: Path, error: duckdb.Error) -> WarehouseError:
    reason = str(error).partition("\n")[0]
    if any(word in reason for word in _NO_DAMAGE):
        return _unusable(path, error)
    if "not a valid DuckDB" in reason or "xtension" in reason:
        return DamagedError("it is no DuckDB file", "foreign")
    return DamagedError(reason)


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
        self._memory = _Memory(connection)
        self._sizes: dict[str, int] = {}  # of tables, in rows; empty: not asked yet

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
            f"select rowid // {many or MAX_RUN} as part, count(*), sum(hash(t))"  # noqa: S608 - ours
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
        statement = f"copy ({rows}) to {_quoted(path)} {how}"
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
        result = self._connection.execute(_statement(name), dict(parameters or {}))
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
        return _statement("diff")

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
def open_copy(path: Path, *, exports: Path) -> Iterator[Published]:
    """Open a copy that is to be published, which says how its own run ended.

    *exports* is the one folder to which its tables may be written.
    """
    connection = _connect(path, exports=exports)
    try:
        connection.execute(_statement("settle_runs"), {"published": MAX_RUN})
        connection.execute("checkpoint")
        yield Published(connection)
    except duckdb.Error as error:
        reason = _in_words(error)
        msg = f"the copy cannot be finished, nothing was published: {reason}"
        raise WarehouseError(msg) from None
    finally:
        connection.close()


@contextmanager
def open_published(path: Path, *, earlier: Path | None = None) -> Iterator[Published]:
    """Open the published file for reading; raises `WarehouseError` if there is none.

    *earlier* is another published state that is there to compare.
    """
    if not path.is_file():
        msg = f"{path} is not there yet: `wirehouse run` makes it"
        raise WarehouseError(msg)
    connection = _connect(path, read_only=True, earlier=earlier)
    try:
        yield Published(connection)
    finally:
        connection.close()


def _connect(
    path: Path,
    *,
    read_only: bool = False,
    exports: Path | None = None,
    earlier: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config=_NO_EXTENSIONS)
    how = "read_only" if read_only else f"row_group_size {ROW_GROUP_ROWS}"
    try:
        connection.execute(f"attach {_quoted(path)} as {_NAME} ({how}); use {_NAME}")
        if earlier:
            connection.execute(f"attach {_quoted(earlier)} as earlier (read_only)")
    except duckdb.Error as error:
        connection.close()
        raise _unusable(path, error) from None
    if not read_only:  # what memory does not hold goes here, not where a run began
        spilled = path.with_name(f".{path.name}.spilled")
        connection.execute(f"set temp_directory = {_quoted(spilled)}")
    if exports:
        connection.execute(f"set allowed_directories = [{_quoted(exports)}]")
        # Which row groups by bytes ask for; one thread keeps the order all the same.
        connection.execute("set preserve_insertion_order = false")
    connection.execute(_TUNED + _LOCKED_DOWN)
    return connection


class _Memory:
    """How much of it a connection may use: as ever, or little."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        # Asked once: the answer is rounded down, and `reset` leaves the lower limit.
        setting = "select current_setting('memory_limit')"
        ((self._usual,),) = connection.execute(setting).fetchall()

    def frugally(self, work: Callable[[], T]) -> T:
        """Do *work* that reads whole tables, which DuckDB would keep in memory.

        Where little is too little, for texts of megabytes each, it may have more.
        """
        try:
            self._connection.execute("set memory_limit = '300MB'")
            return work()
        except (duckdb.OutOfMemoryException, WarehouseError) as error:
            causes = (error, error.__context__)
            if not any(isinstance(c, duckdb.OutOfMemoryException) for c in causes):
                raise
            self._connection.execute(f"set memory_limit = '{self._usual}'")
            return work()
        finally:
            self._connection.execute(f"set memory_limit = '{self._usual}'")

    def forget(self) -> None:
        """Let go of what was read of tables, as far as that goes."""
        with contextlib.suppress(duckdb.OutOfMemoryException):
            self._connection.execute(f"set memory_limit = '{KEPT}'")
        self._connection.execute(f"set memory_limit = '{self._usual}'")


# As DuckDB tells of a full disk, a quota and a limit of size.
_NO_ROOM = ("No space left", "quota exceeded", "File too large")


def _in_words(error: duckdb.Error) -> str:
    """Say why a statement failed; where there is no room, what to do."""
    if any(words in str(error) for words in _NO_ROOM):
        return "there is no room left on the disk: make some, then run again"
    return str(error).partition("\n")[0]


def _quoted(path: Path) -> str:
    return "'" + str(path.absolute()).replace("'", "''") + "'"


def _applied(connection: duckdb.DuckDBPyConnection, path: Path) -> set[int]:
    """Return the migrations that the file has seen; it may not know newer ones."""
    try:  # asked first: a newer file is not to be written to
        rows = connection.execute("select version from schema_version").fetchall()
    except duckdb.CatalogException:
        connection.execute(_statement("create_schema_version"))
        rows = []
    applied = {row[0] for row in rows} - {0}  # row 0: see put_questions
    if newer := applied - set(_migrations()):
        msg = (
            f"{path} has schema {max(newer)}, and this program knows"
            f" {max(_migrations())}: use the newer Wirehouse that wrote it"
        )
        raise WarehouseError(msg)
    return applied


def _back_up(path: Path, version: int) -> None:
    """Keep the closed file as it is before it gets another schema."""
    backup = path.with_name(f"{path.stem}.schema-{version}{path.suffix}")
    fresh = backup.with_name(f".{backup.name}.new")
    copy_file(path, fresh)
    sync_file(fresh)
    fresh.replace(backup)
    sync_folder(backup.parent)


def _migrate(
    connection: duckdb.DuckDBPyConnection, unseen: Sequence[int], moment: datetime
) -> None:
    """Apply migrations, each in one transaction."""
    for version in unseen:
        name = _migrations()[version]
        connection.execute("begin")
        connection.execute(_statement(f"migrations/{name}"))
        connection.execute(
            _statement("put_schema_version"),
            {"version": version, "name": name[5:], "moment": moment},
        )
        connection.execute("commit")


def _put_questions(connection: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Make the views and macros anew if they are not today's: each takes its 1 ms."""
    parts = [
        _statement(f"{folder}/{name}")
        for folder in ("views", "macros")
        for name in _names(folder)
    ]
    digest = hashlib.sha256("".join(parts).encode()).hexdigest()
    if connection.execute(_statement("known_questions")).fetchall() == [(digest,)]:
        return
    connection.execute(";".join(["begin", *parts]))
    parameters = {"digest": digest, "moment": moment}
    connection.execute(_statement("put_questions"), parameters)
    connection.execute("commit")


@cache
def _migrations() -> dict[int, str]:
    return {int(name[:4]): name for name in _names("migrations")}


@cache
def _statement(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@cache
def _writes(name: str) -> frozenset[str]:
    """Return the tables that a statement writes to."""
    verbs = r"^(?:insert(?: or \w+)? into|merge into|update|delete from) (\w+)"
    return frozenset(re.findall(verbs, _statement(name), re.MULTILINE))


def _digest(facts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]


@cache
def _deletes(name: str) -> frozenset[str]:
    """Return the tables that a statement deletes rows of."""
    return frozenset(re.findall(r"^delete from (\w+)", _statement(name), re.MULTILINE))


@cache
def _names_of_parents(name: str) -> frozenset[str]:
    """Return the tables of which a rule asks no more than whether a row is there."""
    statement = _statement(name)
    parents = set(re.findall(r"not in \(\s*select [^()]+? from (\w+)\s*\)", statement))
    asked = re.findall(r"\b(?:from|join) (\w+)", statement)
    return frozenset(name for name in parents if asked.count(name) == 1)


@cache
def _given(name: str) -> frozenset[str]:
    """Return the tables of the batch that a statement puts: none, nothing to do."""
    is_put = name.startswith("put_")
    return frozenset(re.findall(r"\bbatch_\w+", _statement(name)) if is_put else ())


@cache
def _asks(name: str) -> frozenset[str]:
    """Return the words of a statement and of its views: each table it asks is one."""
    words = set(re.findall(r"\w+", _statement(name)))
    for folder in ("views", "macros"):
        for inner in words & set(_names(folder)):
            words |= _asks(f"{folder}/{inner}")
    return frozenset(words)


def rules_digest() -> str:
    """Return what is equal only while all rules of `tasks/sql/audits` are the same."""
    rules = "".join(_statement(f"audits/{rule}") for rule in _names("audits"))
    return hashlib.sha256(rules.encode()).hexdigest()


@cache
def _names(folder: str) -> tuple[str, ...]:
    names = (entry.name for entry in (_FOLDER / folder).iterdir())
    return tuple(sorted(n.removesuffix(".sql") for n in names if n.endswith(".sql")))


@cache
def _empty(name: str) -> str:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in SCHEMAS[name].items())
    return f"create or replace temp table {name} ({columns})"
