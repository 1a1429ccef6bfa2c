"""The schema of a warehouse, brought to the newest: numbered, each in a transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import _duckdb as duckdb

from tasks.files import copy_file, sync_file, sync_folder
from tasks.warehouse.engine import WarehouseError, sql_names, sql_of


def applied_migrations(connection: duckdb.DuckDBPyConnection, path: Path) -> set[int]:
    """Return the migrations that the file has seen; it may not know newer ones."""
    try:  # asked first: a newer file is not to be written to
        rows = connection.execute("select version from schema_version").fetchall()
    except duckdb.CatalogException:
        connection.execute(sql_of("create_schema_version"))
        rows = []
    applied = {row[0] for row in rows} - {0}  # row 0: see put_questions
    if newer := applied - set(known_migrations()):
        msg = (
            f"{path} has schema {max(newer)}, and this program knows"
            f" {max(known_migrations())}: use the newer Wirehouse that wrote it"
        )
        raise WarehouseError(msg)
    return applied


def back_up(path: Path, version: int) -> None:
    """Keep the closed file as it is before it gets another schema."""
    backup = path.with_name(f"{path.stem}.schema-{version}{path.suffix}")
    fresh = backup.with_name(f".{backup.name}.new")
    copy_file(path, fresh)
    sync_file(fresh)
    fresh.replace(backup)
    sync_folder(backup.parent)


def migrate(
    connection: duckdb.DuckDBPyConnection, unseen: Sequence[int], moment: datetime
) -> None:
    """Apply migrations, each in one transaction."""
    for version in unseen:
        name = known_migrations()[version]
        connection.execute("begin")
        connection.execute(sql_of(f"migrations/{name}"))
        connection.execute(
            sql_of("put_schema_version"),
            {"version": version, "name": name[5:], "moment": moment},
        )
        connection.execute("commit")


def put_questions(connection: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Make the views and macros anew if they are not today's: each takes its 1 ms."""
    parts = [
        sql_of(f"{folder}/{name}")
        for folder in ("views", "macros")
        for name in sql_names(folder)
    ]
    digest = hashlib.sha256("".join(parts).encode()).hexdigest()
    if connection.execute(sql_of("known_questions")).fetchall() == [(digest,)]:
        return
    connection.execute(";".join(["begin", *parts]))
    parameters = {"digest": digest, "moment": moment}
    connection.execute(sql_of("put_questions"), parameters)
    connection.execute("commit")


@cache
def known_migrations() -> dict[int, str]:
    """Return the names of all migrations by their numbers."""
    return {int(name[:4]): name for name in sql_names("migrations")}
