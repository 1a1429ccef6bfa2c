"""DuckDB, locked down: connections, memory, errors in words, our statements."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

# The engine itself: the package around it spends 20 ms on types that nobody asks for.
import _duckdb as duckdb

T = TypeVar("T")
_FOLDER = Path(__file__).parents[1] / "sql"
# A connection reads and writes its file alone: no statement, however it came about,
# reaches another one or the network, or loosens that. `Memory` alone changes a limit,
# and exports whether rows come in order.
LOCKED_DOWN = """
set enable_external_access = false;
set TimeZone = 'UTC';
set allowed_configs = ['memory_limit', 'preserve_insertion_order'];
set lock_configuration = true;
"""
# One thread: a second one spends half as much CPU again on statements this small. And
# few checkpoints while a run loads: each packs what it finds and leaves holes behind.
# FSST was a third of a checkpoint's CPU, and made files no smaller by more than 2 %.
TUNED = """
set threads = 1;
set checkpoint_threshold = '32MB';
set disabled_compression_methods = 'fsst';
"""
# A checkpoint writes each group of rows that changed anew, with all its texts. DuckDB's
# 122,880 rows are all files of most hubs, again and again; analysts never notice.
ROW_GROUP_ROWS = 2_048
# The format since DuckDB 1.2 (2025), the first to keep long texts under zstd.
WRITTEN = "row_group_size {}, storage_version 'v1.2.0'"
# Of a large file it is the number of groups that costs: those of thirty million edges
# took each run 0.4 CPU s at its first checkpoint, 0.7 more to add some, now a tenth.
LARGE_GROUP_ROWS = 16_384
LARGE_BYTES = 500_000_000
KEPT, LITTLE, MORE = "100MB", "300MB", "1GB"
# DuckDB takes up to four fifths of the machine's memory, to keep what it reads. What it
# must keep are indexes above all, which grow as files do.
LEAST_LIMIT_BYTES = 1_000_000_000
BYTES = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
CATALOG = "warehouse"
EVER = datetime.min.replace(tzinfo=UTC)  # since when all rows are
NOTHING: list[tuple[Any, ...]] = [(0,)]  # DuckDB's answer where no row was changed
NO_EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
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


def unusable(path: Path, error: duckdb.Error) -> WarehouseError:
    """Return what a user is told of a file that DuckDB does not open."""
    reason = str(error).partition("\n")[0]
    return WarehouseError(f"{path} cannot be opened as a warehouse: {reason}")


def connect(
    path: Path,
    *,
    read_only: bool = False,
    exports: Path | None = None,
    earlier: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """Connect to a file, and to nothing else.

    *exports* is a folder that may be written to, *earlier* another file to compare.
    Raises `WarehouseError` if the file is none of DuckDB's, or is held.
    """
    connection = duckdb.connect(config=NO_EXTENSIONS)
    how = "read_only" if read_only else WRITTEN.format(group_rows(path))
    try:
        connection.execute(f"attach {quoted(path)} as {CATALOG} ({how}); use {CATALOG}")
        if earlier:
            connection.execute(f"attach {quoted(earlier)} as earlier (read_only)")
    except UnicodeEncodeError as error:
        connection.close()
        msg = f"{str(path.absolute())!a} is no UTF-8, and DuckDB opens no such file"
        raise WarehouseError(msg) from error
    except duckdb.Error as error:
        connection.close()
        raise unusable(path, error) from None
    if not read_only:  # what memory does not hold goes here, not where a run began
        spilled = path.with_name(f".{path.name}.spilled")
        connection.execute(f"set temp_directory = {quoted(spilled)}")
        _bound_memory(connection, path)
    if exports:
        connection.execute(f"set allowed_directories = [{quoted(exports)}]")
    connection.execute(TUNED + LOCKED_DOWN)
    return connection


def _bound_memory(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Let a writer have as much memory as half of its file, and 1 GB of any."""
    limit = max(LEAST_LIMIT_BYTES, path.stat().st_size // 2)
    usual, unit = _memory_limit(connection).split()
    if limit < float(usual) * BYTES[unit]:
        connection.execute(f"set memory_limit = '{limit}B'")


def group_rows(path: Path) -> int:
    """Return how many rows a group of them has that is written to a file."""
    is_large = path.is_file() and path.stat().st_size > LARGE_BYTES
    return LARGE_GROUP_ROWS if is_large else ROW_GROUP_ROWS


class Memory:
    """How much of it a connection may use: as ever, or little."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        # Asked once: the answer is rounded down, and `reset` leaves the lower limit.
        self._usual = self._in_force = _memory_limit(connection)
        self._is_frugal = False

    @contextmanager
    def frugal(self) -> Iterator[None]:
        """Keep little of the tables that are read inside, which DuckDB would keep."""
        if self._is_frugal:
            yield
            return
        self._is_frugal = True
        try:
            self._limit(LITTLE)
            yield
        finally:
            self._is_frugal = False
            self._limit(self._usual)

    def frugally(self, work: Callable[[], T]) -> T:
        """Do *work* that reads whole tables in as little memory as it takes.

        Little is too little for texts of megabytes each, and for joins of millions.
        """
        with self.frugal():
            for limit in (LITTLE, MORE):
                self._limit(limit)
                try:
                    return work()
                except (duckdb.OutOfMemoryException, WarehouseError) as error:
                    causes = (error, error.__context__)
                    if not any(
                        isinstance(c, duckdb.OutOfMemoryException) for c in causes
                    ):
                        raise
            self._limit(self._usual)
            return work()

    def forget(self) -> None:
        """Let go of what was read of tables, as far as that goes."""
        before = self._in_force
        self._limit(KEPT)
        self._limit(before)

    def _limit(self, limit: str) -> None:
        if limit != self._in_force:
            # What must stay there, such as indexes, may be more than that.
            with contextlib.suppress(duckdb.OutOfMemoryException):
                self._connection.execute(f"set memory_limit = '{limit}'")
                self._in_force = limit


def _memory_limit(connection: duckdb.DuckDBPyConnection) -> str:
    """Return how much memory a connection may use."""
    setting = "select current_setting('memory_limit')"
    ((limit,),) = connection.execute(setting).fetchall()
    return str(limit)


# As DuckDB tells of a full disk, a quota and a limit of size.
_NO_ROOM = ("No space left", "quota exceeded", "File too large")


def in_words(error: duckdb.Error) -> str:
    """Say why a statement failed; where there is no room, what to do."""
    if any(words in str(error) for words in _NO_ROOM):
        return "there is no room left on the disk: make some, then run again"
    return str(error).partition("\n")[0]


def quoted(path: Path) -> str:
    """Return a path as SQL spells it."""
    return "'" + str(path.absolute()).replace("'", "''") + "'"


@cache
def sql_of(name: str) -> str:
    """Return a statement of `tasks/sql`."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@cache
def tables_written(name: str) -> frozenset[str]:
    """Return the tables that a statement writes to."""
    verbs = r"^(?:insert(?: or \w+)? into|merge into|update|delete from) (\w+)"
    return frozenset(re.findall(verbs, sql_of(name), re.MULTILINE))


@cache
def tables_shrunk(name: str) -> frozenset[str]:
    """Return the tables that a statement deletes rows of."""
    return frozenset(re.findall(r"^delete from (\w+)", sql_of(name), re.MULTILINE))


@cache
def parents_asked(name: str) -> frozenset[str]:
    """Return the tables of which a rule asks no more than whether a row is there."""
    statement = sql_of(name)
    parents = set(re.findall(r"not in \(\s*select [^()]+? from (\w+)\s*\)", statement))
    asked = re.findall(r"\b(?:from|join) (\w+)", statement)
    return frozenset(name for name in parents if asked.count(name) == 1)


@cache
def batch_tables_asked(name: str) -> frozenset[str]:
    """Return the tables of the batch that a statement names."""
    return frozenset(re.findall(r"\bbatch_\w+", sql_of(name)))


@cache
def words_asked(name: str) -> frozenset[str]:
    """Return the words of a statement and of its views: each table it asks is one."""
    inner = {n: f"{f}/{n}" for f in ("views", "macros") for n in sql_names(f)}
    words: set[str] = set()
    ahead = [name]
    while ahead:
        statement = re.sub(r"--.*", "", sql_of(ahead.pop()))
        new = set(re.findall(r"\w+", statement)) - words
        words |= new
        ahead += [inner[word] for word in new & inner.keys()]
    return frozenset(words)


@cache
def statements_digest(*folders: str) -> str:
    """Return what is equal only while all statements of folders are the same."""
    names = [f"{folder}/{name}" for folder in folders for name in sql_names(folder)]
    return hashlib.sha256("".join(map(sql_of, names)).encode()).hexdigest()


@cache
def sql_names(folder: str) -> tuple[str, ...]:
    """Return the names of the statements in a folder of `tasks/sql`, in order."""
    names = (entry.name for entry in (_FOLDER / folder).iterdir())
    return tuple(sorted(n.removesuffix(".sql") for n in names if n.endswith(".sql")))
