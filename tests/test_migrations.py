"""A file of any earlier schema is brought to today's with all its rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tasks.warehouse.engine import WarehouseError, connect
from tasks.warehouse.migrations import known_migrations, migrate
from tasks.warehouse.working import open_warehouse
from tests.hub import MOMENT, Hub

VERSIONS = sorted(known_migrations())
# What every column is filled with, by its type.
VALUES = {
    "UUID": "uuid()", "VARCHAR": "'x'", "VARCHAR[]": "['x']", "JSON": "'{}'",
    "BLOB": "'x'::blob", "BOOLEAN": "true", "INTEGER": "1", "BIGINT": "1",
    "UBIGINT": "1", "TIMESTAMP WITH TIME ZONE": "'2026-01-01T00:00:00Z'",
}  # fmt: skip


def of_schema(version: int, path: Path) -> dict[str, int]:
    """Make a file as the program of a schema left it, with a row in each table."""
    with duckdb.connect(str(path)) as file:
        file.execute(
            "create table schema_version"
            " (version integer primary key, name varchar, applied_at timestamptz)"
        )
        for number in VERSIONS[: VERSIONS.index(version) + 1]:
            name = known_migrations()[number]
            folder = Path(__file__).parents[1] / "tasks" / "sql" / "migrations"
            file.execute((folder / f"{name}.sql").read_text(encoding="utf-8"))
            file.execute(
                "insert into schema_version values (?, ?, now())", [number, name[5:]]
            )
        tables = file.execute(
            "select table_name, list(data_type order by column_index)"
            " from duckdb_columns() where table_name <> 'schema_version'"
            " and not internal group by all"
        ).fetchall()
        for name, types in tables:
            row = ", ".join(VALUES[kind] for kind in types)
            file.execute(f'insert into "{name}" values ({row})')  # noqa: S608 - ours
    return {name: 1 for name, _ in tables}


def rows_of(path: Path, columns: dict[str, list[str]]) -> dict[str, object]:
    """Return all rows of tables, but for columns that they have not all."""
    with duckdb.connect(str(path), read_only=True) as file:
        return {
            table: file.execute(
                f"select {', '.join(names)} from {table} order by all"  # noqa: S608 - ours
            ).fetchall()
            for table, names in columns.items()
        }


def columns_of(path: Path) -> dict[str, list[str]]:
    with duckdb.connect(str(path), read_only=True) as file:
        return dict(
            file.execute(
                "select table_name, list(column_name order by column_index)"
                " from duckdb_columns() where not internal"
                " and table_name in (select table_name from duckdb_tables())"
                " and table_name <> 'schema_version' group by all"
            ).fetchall()
        )


def counts(path: Path) -> dict[str, int]:
    with duckdb.connect(str(path), read_only=True) as file:
        names = file.execute(
            "select table_name from duckdb_tables()"
            " where table_name <> 'schema_version'"
        ).fetchall()
        return {
            name: file.execute(f'select count(*) from "{name}"').fetchall()[0][0]  # noqa: S608 - ours
            for (name,) in names
        }


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_file_of_an_earlier_schema_keeps_its_rows(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "working.duckdb"
    of_schema(version, path)
    columns = columns_of(path)
    before = rows_of(path, columns)

    with open_warehouse(path, MOMENT):
        pass

    assert rows_of(path, columns) == before
    assert all(before.values())
    with duckdb.connect(str(path), read_only=True) as file:
        rows = file.execute(
            "select version from schema_version where version > 0 order by all"
        )
        assert [row[0] for row in rows.fetchall()] == VERSIONS


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_copy_is_kept_of_the_file_as_it_was(tmp_path: Path, version: int) -> None:
    path = tmp_path / "working.duckdb"
    before = of_schema(version, path)

    with open_warehouse(path, MOMENT):
        pass

    assert counts(tmp_path / f"working.schema-{version}.duckdb") == before


def test_a_file_of_todays_schema_is_not_copied(tmp_path: Path) -> None:
    for _ in range(2):
        with open_warehouse(tmp_path / "working.duckdb", MOMENT):
            pass

    assert [path.name for path in tmp_path.glob("*.duckdb")] == ["working.duckdb"]


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "working.duckdb"
    before = of_schema(VERSIONS[-1], path)
    connection = connect(path)
    monkeypatch.setitem(known_migrations(), 9998, VERSION_THAT_FAILS)

    with pytest.raises(duckdb.Error):
        migrate(connection, [9998], MOMENT)
    connection.close()

    assert counts(path) == before


VERSION_THAT_FAILS = "0001_the_tables"  # they are there already


def test_a_newer_file_is_refused_in_one_line_and_not_touched(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()
    path = hub.data / "warehouse" / "working.duckdb"
    with duckdb.connect(str(path)) as file:
        file.execute("insert into schema_version values (9999, 'later', now())")
    before = path.read_bytes()

    with pytest.raises(WarehouseError, match=r"has schema 9999.*use the newer") as told:
        hub.run()

    assert "\n" not in str(told.value)
    assert path.read_bytes() == before


def test_views_are_made_anew_when_they_are_not_todays(tmp_path: Path) -> None:
    path = tmp_path / "working.duckdb"
    with open_warehouse(path, MOMENT):
        pass
    with duckdb.connect(str(path)) as file:
        file.execute("create or replace view changes as select 1 as nonsense")
        file.execute("update schema_version set name = 'older' where version = 0")

    with open_warehouse(path, MOMENT):
        pass

    with duckdb.connect(str(path), read_only=True) as file:
        assert "nonsense" not in [
            row[0] for row in file.execute("describe changes").fetchall()
        ]
