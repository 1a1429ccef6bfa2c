"""The SQLite file in which a Prefect server keeps its state: its beginning, its turns.

Imported by a server alone, which reads its settings from the environment before.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import prefect
from prefect.server.database import (
    configurations,
    dependencies,
    provide_database_interface,
)
from prefect.settings import get_current_settings
from sqlalchemy.engine import make_url

from tasks.files import copy_file

# Of each connection; Prefect lets each keep 82 MB of a file that grows to hundreds.
CACHE_BYTES = 2_048_000


def take_turns() -> None:
    """Let transactions of a server on SQLite wait for each other from their beginning.

    Prefect begins most of them as readers. Where one then writes and another did so
    meanwhile, SQLite refuses at once ("database is locked"), whatever time it may wait
    (https://sqlite.org/isolation.html); Prefect tries four times within 0.4 s and drops
    the event: automations never hear how a run ended, and no message is sent.
    """

    class Writers(configurations.AioSqliteConfiguration):
        """Transactions that take the right to write when they begin."""

        def setup_sqlite(self, conn: Any, record: Any) -> None:
            super().setup_sqlite(conn, record)
            cursor = conn.cursor()
            cursor.execute(f"pragma cache_size = -{CACHE_BYTES // 1024}")
            cursor.close()

        @asynccontextmanager
        async def begin_transaction(
            self,
            session: Any,
            with_for_update: bool = False,  # noqa: FBT001, FBT002 - as it is called
        ) -> AsyncGenerator[Any, None]:
            del with_for_update
            async with super().begin_transaction(session, with_for_update=True) as it:
                yield it

    address = _address()
    if address.startswith("sqlite"):
        dependencies.set_database_config(Writers(connection_url=address))


def begin(empty: Path | None = None) -> None:
    """Make the tables of a new database, as a copy of an *empty* one if there is one.

    Prefect makes them by more than a hundred migrations, which is most of what a first
    start takes. What it lacks after a copy it adds as to any database of an older one.
    """
    path = _path()
    if path is None or path.exists():
        return
    empty = empty or _kept_empty()
    if empty is not None and empty.is_file():
        _put(empty, path)
        return
    asyncio.run(provide_database_interface().create_db())
    if empty is not None:
        with suppress(OSError, sqlite3.Error):  # it is for the next one to keep, then
            _keep_empty(path, empty)


def _address() -> str:
    url = get_current_settings().server.database.connection_url
    return url.get_secret_value() if url else ""


def _path() -> Path | None:
    """Return where the database is, if it is a file of SQLite's."""
    address = _address()
    name = make_url(address).database if address.startswith("sqlite") else None
    return Path(name) if name and name != ":memory:" else None


def _kept_empty() -> Path | None:
    """Return where an environment of its own keeps an empty database, for all who come.

    Beside Prefect itself, so that it goes with it; nowhere in what a system installed.
    """
    if sys.prefix == sys.base_prefix:
        return None
    name = f"prefect-{prefect.__version__}.db"
    return Path(sys.prefix) / "share" / "wirehouse" / name


def _keep_empty(path: Path, empty: Path) -> None:
    """Keep a database that was just made; nobody ever sees half of it."""
    empty.parent.mkdir(parents=True, exist_ok=True)
    with _part(empty) as part:
        with (
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(part)) as target,
        ):
            source.backup(target)  # with what is still in its log
        part.replace(empty)


def _put(empty: Path, path: Path) -> None:
    """Copy *empty* to *path*, unless another server has its database there by now."""
    with _part(path) as part:
        copy_file(empty, part)
        with suppress(FileExistsError):
            path.hardlink_to(part)


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """Give a name beside *path* that nobody else writes to, and none afterwards."""
    part = path.with_suffix(f".{os.getpid()}")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
