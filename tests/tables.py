"""The tables of a warehouse as text: ordered by key, without what differs by nature."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb

# Moments of runs, durations, and where bytes happen to lie.
VOLATILE = frozenset(
    """
    applied_at changed_at checked_at elapsed_ms finished_at fingerprint first_seen_at
    last_read_at last_seen_at location next_check_at next_fetch_at observed_at read_at
    removed_at requested_at resolved_at run_id started_at warc_file warc_length
    warc_offset
    """.split()
)
# The books of runs tell how often somebody ran, not what is so.
BOOKS = frozenset({"audits", "runs", "schema_version"})
LONGEST = 100  # characters of a value that are shown; the rest is told by its hash


def dump(database: Path) -> dict[str, list[str]]:
    """Return each table's rows, one line a row; a moment becomes `set` or nothing."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        tables = connection.execute(
            "select table_name from duckdb_tables() order by table_name"
        ).fetchall()
        return {
            name: _rows(connection, name) for (name,) in tables if name not in BOOKS
        }


def text(tables: dict[str, list[str]]) -> str:
    """Return all tables as one text, each under its name."""
    parts = (
        "\n".join([f"== {name} ({len(rows)})", *rows]) for name, rows in tables.items()
    )
    return "\n\n".join(parts) + "\n"


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    result = connection.execute(f'select * from "{name}"')  # noqa: S608 - own names
    columns = [column[0] for column in result.description]
    rows = (
        " | ".join(
            f"{column}={_shown(column, value)}"
            for column, value in zip(columns, row, strict=True)
            if _shown(column, value)
        )
        for row in result.fetchall()
    )
    return sorted(rows)


def _shown(column: str, value: object) -> str:
    if value is None:
        return ""
    if column in {"removed_at", "resolved_at"}:
        return "set"
    if column in VOLATILE:
        return ""
    shown = value.hex() if isinstance(value, bytes) else str(value)
    shown = shown.encode("unicode_escape").decode("ascii") if "\n" in shown else shown
    if len(shown) <= LONGEST:
        return shown
    digest = hashlib.sha256(shown.encode()).hexdigest()[:12]
    return f"{shown[:LONGEST]}… ({len(shown)} characters, {digest})"
