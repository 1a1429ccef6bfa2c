"""The benchmark of large warehouses: what is made is sound, and answers are alike."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from tasks.run import working_file
from tasks.warehouse.working import open_warehouse
from tests.benchmarks.large import questions, ways
from tests.benchmarks.made import ADDRESS, make_warehouse
from tests.benchmarks.warehouse import measure_all, tables
from tests.hub import MOMENT


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working file of 2,000 articles."""
    path = working_file(tmp_path_factory.mktemp("made"))
    make_warehouse(path, 2_000)
    return path


def test_a_made_warehouse_breaks_no_rule(made: Path) -> None:
    with open_warehouse(made, MOMENT) as warehouse:
        run_id = uuid4()
        warehouse.begin_run(run_id, MOMENT, "0")

        assert [a for a in warehouse.audits.audit(run_id) if a.failed_rows] == []


@pytest.mark.parametrize("name", questions())
def test_a_view_answers_as_the_statement_by_hand_does(made: Path, name: str) -> None:
    with duckdb.connect(str(made), read_only=True) as file:
        file.execute("set TimeZone = 'UTC'")
        view, by_hand = (
            file.execute(
                statement, {"address": ADDRESS} if "$address" in statement else None
            ).fetchall()
            for statement in ways(name).values()
        )

    assert view
    assert Counter(map(_alike, view)) == Counter(map(_alike, by_hand))


def _alike(row: tuple[object, ...]) -> str:
    """Return a row without what is only named otherwise: which of a pair is first."""
    return " ".join(sorted(map(str, row)))


def test_all_works_are_measured_and_told(tmp_path: Path) -> None:
    """Takes seconds: it starts some ten processes, as the benchmark does."""
    told = tables(measure_all(tmp_path, [500], 300, 1), [500])

    assert "| heat changed, by an empty warehouse " in told
    assert "| coverage_overlap " in told
    assert "| 15,000 " in told
