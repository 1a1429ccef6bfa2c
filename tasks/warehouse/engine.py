"""DuckDB, locked down: connections, memory, errors in words, our statements."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

# The engine itself: the package around it spends 20 ms on types that nobody asks for.
import _duckdb as duckdb

T = TypeVar("T")
_FOLDER = Path(__file__).parents[1] / "sql"
# A connection reads and writes its file alone: no statement, however it came about,
# reaches another one or the network, or loosens that. `Memory` alone changes a limit.
LOCKED_DOWN = """
set enable_external_access = false;
set TimeZone = 'UTC';
set allowed_configs = ['memory_limit'];
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
KEPT = "100MB"
CATALOG = "warehouse"
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
    how = "read_only" if read_only else f"row_group_size {ROW_GROUP_ROWS}"
    try:
        connection.execute(f"attach {quoted(path)} as {CATALOG} ({how}); use {CATALOG}")
        if earlier:
            connection.execute(f"attach {quoted(earlier)} as earlier (read_only)")
    except duckdb.Error as error:
        connection.close()
        raise unusable(path, error) from None
    if not read_only:  # what memory does not hold goes here, not where a run began
        spilled = path.with_name(f".{path.name}.spilled")
        connection.execute(f"set temp_directory = {quoted(spilled)}")
    if exports:
        connection.execute(f"set allowed_directories = [{quoted(exports)}]")
        # Which row groups by bytes ask for; one thread keeps the order all the same.
        connection.execute("set preserve_insertion_order = false")
    connection.execute(TUNED + LOCKED_DOWN)
    return connection


class Memory:
    """How much of it a connection may use: as ever, or little."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        # Asked once: the answer is rounded down, and `reset` leaves the lower limit.
        setting = "select current_setting('memory_limit')"
        ((self._usual,),) = connection.execute(setting).fetchall()
        self._is_little = False

    def frugally(self, work: Callable[[], T]) -> T:
        """Do *work* that reads whole tables, which DuckDB would keep in memory.

        Where little is too little, for texts of megabytes each, it may have more. Work
        within such work changes the limit no more often, as that takes a millisecond.
        """
        was_little = self._is_little
        try:
            if not was_little:
                self._allow("300MB")
                self._is_little = True
            return work()
        except (duckdb.OutOfMemoryException, WarehouseError) as error:
            causes = (error, error.__context__)
            if not any(isinstance(c, duckdb.OutOfMemoryException) for c in causes):
                raise
            self._allow(self._usual)
            return work()
        finally:
            if not was_little:
                self._allow(self._usual)
                self._is_little = False

    def _allow(self, limit: str) -> None:
        self._connection.execute(f"set memory_limit = '{limit}'")

    def forget(self) -> None:
        """Let go of what was read of tables, as far as that goes."""
        with contextlib.suppress(duckdb.OutOfMemoryException):
            self._allow(KEPT)
        self._allow(self._usual)


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
    words = set(re.findall(r"\w+", sql_of(name)))
    for folder in ("views", "macros"):
        for inner in words & set(sql_names(folder)):
            words |= words_asked(f"{folder}/{inner}")
    return frozenset(words)


def rules_digest() -> str:
    """Return what is equal only while all rules of `tasks/sql/audits` are the same."""
    rules = "".join(sql_of(f"audits/{rule}") for rule in sql_names("audits"))
    return hashlib.sha256(rules.encode()).hexdigest()


@cache
def sql_names(folder: str) -> tuple[str, ...]:
    """Return the names of the statements in a folder of `tasks/sql`, in order."""
    names = (entry.name for entry in (_FOLDER / folder).iterdir())
    return tuple(sorted(n.removesuffix(".sql") for n in names if n.endswith(".sql")))
