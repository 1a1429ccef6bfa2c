"""Few rows travel as JSON, many as Arrow: the warehouse cannot tell the difference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.rows import SCHEMAS, JsonTable, table
from tasks.warehouse.working import Warehouse, open_warehouse
from tests.hub import MOMENT

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = {
    "uuid": st.uuids(),
    "varchar": TEXTS,
    "varchar[]": st.lists(TEXTS, max_size=3),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "bigint[]": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    "ubigint": st.integers(0, 2**64 - 1),
    "blob": st.binary(max_size=20),
    "boolean": st.booleans(),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    path = tmp_path_factory.mktemp("rows") / "working.duckdb"
    with open_warehouse(path, MOMENT) as opened:
        yield opened


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[tuple[Any, ...]]]:
    name = draw(st.sampled_from(sorted(SCHEMAS)))
    values = [st.none() | VALUES[kind] for kind in SCHEMAS[name].values()]
    return name, draw(st.lists(st.tuples(*values), min_size=1, max_size=4))


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tables())
def test_few_rows_are_the_same_as_many(
    warehouse: Warehouse, made: tuple[str, list[tuple[Any, ...]]]
) -> None:
    name, rows = made

    held = [_held(warehouse, name, rows, is_few=is_few) for is_few in (True, False)]

    assert held[0] == held[1]
    assert len(held[0]) == len(rows)


def test_memory_of_many_rows_is_the_program_s_own_once_they_are_gone() -> None:
    """Arrow's pool would keep it: a load of 20,704 files peaked 20 MiB higher."""
    kept = pa.default_memory_pool().bytes_allocated()
    rows = [(uuid4(), MOMENT)] * 10_000

    held = table("batch_ids", rows, is_few=False)

    assert held.nbytes > 200_000
    assert pa.default_memory_pool().bytes_allocated() == kept


def test_a_value_that_is_not_of_its_column_is_no_null(warehouse: Warehouse) -> None:
    rows = JsonTable('{"document_id":["no id"],"removed_at":[null]}', 1)

    with pytest.raises(Exception, match="no id"), warehouse.batch({"batch_ids": rows}):
        pass


def _held(
    warehouse: Warehouse, name: str, rows: list[tuple[Any, ...]], *, is_few: bool
) -> list[tuple[Any, ...]]:
    asked = f"select columns(*)::varchar, typeof(columns(*)) from {name}"  # noqa: S608
    with warehouse.batch({name: table(name, rows, is_few=is_few)}):
        return warehouse._execute(asked).fetchall()
