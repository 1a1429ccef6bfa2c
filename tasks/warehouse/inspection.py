"""A warehouse read whole, to learn whether it is what a run left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import _duckdb as duckdb

from tasks.warehouse.blocks import damaged_block
from tasks.warehouse.engine import (
    CATALOG,
    LOCKED_DOWN,
    NO_EXTENSIONS,
    TUNED,
    DamagedError,
    Memory,
    WarehouseError,
    quoted,
    sql_of,
    unusable,
)
from tasks.warehouse.migrations import applied_migrations


def inspect_file(path: Path) -> int:
    """Read the whole of a warehouse; return the newest run that it knows, 0 for none.

    DuckDB verifies the checksum of each block that it reads, and may crash of what fits
    its checksum. Blocks of indexes, which only writers read, are verified without it.
    Raises `DamagedError` for a file that a run did not leave so, `WarehouseError` for
    one that another program holds or that a newer Wirehouse wrote.
    """
    if not path.is_file():
        msg = "it is no file"
        raise DamagedError(msg, "foreign")
    try:
        with _inspected(path) as connection:
            number, blocks = _read_all(connection, path)
    except (duckdb.OutOfMemoryException, WarehouseError):
        raise
    except duckdb.Error as error:
        raise _damage(path, error) from None
    block = damaged_block(path, blocks)
    if block is not None:
        msg = f"block {block}, which writers alone read, does not fit its checksum"
        raise DamagedError(msg)
    return number


@contextmanager
def _inspected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config=NO_EXTENSIONS)
    try:
        connection.execute(
            f"attach {quoted(path)} as {CATALOG} (read_only); use {CATALOG}"
        )
        connection.execute(TUNED + LOCKED_DOWN)
        yield connection
    finally:
        connection.close()


def _read_all(
    connection: duckdb.DuckDBPyConnection, path: Path
) -> tuple[int, frozenset[int]]:
    """Return the newest run, and the blocks in which rows lie, which are read."""
    found = connection.execute("select table_name from duckdb_tables()").fetchall()
    tables = {name for (name,) in found}
    if not tables:
        return 0, frozenset()  # it was only just made
    if "schema_version" not in tables:
        msg = f"it has tables such as {min(tables)!r}, and none of Wirehouse"
        raise DamagedError(msg, "foreign")
    applied_migrations(connection, path)
    each = (f'select sum(hash(t)) from "{name}" as t' for name in sorted(tables))  # noqa: S608 - ours
    Memory(connection).frugally(
        lambda: [connection.execute(statement).fetchall() for statement in each]
    )
    blocks = frozenset(
        number
        for name in tables
        for (number,) in connection.execute(sql_of("blocks"), [name]).fetchall()
    )
    if "runs" not in tables:
        return 0, blocks
    newest = "select coalesce(max(run_number), 0) from runs"
    ((number,),) = connection.execute(newest).fetchall()
    return int(number), blocks


# What DuckDB says where the file may be as good as ever: another program holds it, it
# may not be read, or a newer DuckDB wrote it.
_NO_DAMAGE = ("set lock on file", "denied", "open files", "version number")


def _damage(path: Path, error: duckdb.Error) -> WarehouseError:
    reason = str(error).partition("\n")[0]
    if any(word in reason for word in _NO_DAMAGE):
        return unusable(path, error)
    if "not a valid DuckDB" in reason or "xtension" in reason:
        return DamagedError("it is no DuckDB file", "foreign")
    return DamagedError(reason)
