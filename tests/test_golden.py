"""The whole way of the sample: every table, row by row, as a reviewer sees it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tests.hub import MOMENT
from tests.tables import dump, text

GOLDEN = Path(__file__).parent / "samples" / "golden.txt"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of two demos in a row."""
    folder = tmp_path_factory.mktemp("demo")
    _demo(folder)
    return folder


def _demo(folder: Path) -> dict[str, object]:
    with demo_settings(folder) as settings:
        job = Job(settings, moment=MOMENT, say=lambda _: None)
        return run_direct(refresh, job)


def test_the_sample_becomes_the_golden_tables(data: Path) -> None:
    """A change in the data is a change of `golden.txt`: `make golden` accepts it."""
    tables = text(dump(data / "news.duckdb"))
    if os.environ.get("ACCEPT_GOLDEN"):
        GOLDEN.write_text(tables, encoding="utf-8")

    assert tables == GOLDEN.read_text(encoding="utf-8")


def test_a_second_demo_asks_for_nothing_and_changes_nothing(data: Path) -> None:
    before = dump(data / "news.duckdb")

    summary = _demo(data)

    assert summary["loaded"] == summary["urls_due"] == summary["images_due"] == 0
    assert (summary["unchanged"], summary["rejected"]) == (38, 5)
    assert dump(data / "news.duckdb") == before


def test_every_cached_image_is_a_file_and_every_file_is_a_row(data: Path) -> None:
    named = {
        part.removeprefix("path=")
        for row in dump(data / "news.duckdb")["images"]
        for part in row.split(" | ")
        if part.startswith("path=")
    }
    there = {
        str(file.relative_to(data))
        for file in (data / "images").rglob("*")
        if file.is_file()
    }

    assert named == there
