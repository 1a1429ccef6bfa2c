"""A run that is killed anywhere is repaired by the next one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tests.hub import MOMENT
from tests.tables import dump

POINTS = [
    "articles loaded, not committed",
    "articles committed",
    "in the middle of fetching",
    "captures on disk, not in the table",
    "captures in the table",
    "some images kept",
    "images in the table",
    "books closed, nothing published",
    "half a copy",
    "copied, no Parquet",
    "copied, not published",
    "published, not kept",
]
ROOT = Path(__file__).parents[1]


def _demo(data: Path) -> None:
    with demo_settings(data) as settings:
        run_direct(refresh, Job(settings, moment=MOMENT, say=lambda _: None))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The tables of a demo that nobody disturbed."""
    data = tmp_path_factory.mktemp("uninterrupted")
    _demo(data)
    return dump(data / "news.duckdb")


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_started_again_ends_with_the_same_tables(
    tmp_path: Path, uninterrupted: dict[str, list[str]], point: str
) -> None:
    program = [sys.executable, "-m", "tests.faults.killed_run", str(tmp_path), point]
    killed = subprocess.run(program, cwd=ROOT, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL

    _demo(tmp_path)

    assert dump(tmp_path / "news.duckdb") == uninterrupted
    with duckdb.connect(str(tmp_path / "news.duckdb"), read_only=True) as published:
        runs = published.execute("select status from runs order by run_number")
        assert runs.fetchall()[-1] == ("complete",)
    assert not list(tmp_path.glob(".*.new"))
    assert not list((tmp_path / "parquet").glob(".*"))
