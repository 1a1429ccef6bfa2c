"""The working file is made again from sources, captures and image cache alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.demo import SAMPLE
from flows.direct import run_direct
from flows.rebuild import rebuild
from flows.refresh import refresh
from tasks.captures import find_files, salvage_rows
from tasks.models import ImageResult
from tasks.run import Job
from tasks.settings import load_settings
from tests.hub import MOMENT
from tests.tables import dump

NOWHERE = {"*": "127.0.0.1:9"}  # whoever asks for something is refused


@pytest.fixture
def data(demo_data: Path, tmp_path: Path) -> Path:
    return shutil.copytree(demo_data, tmp_path / "data")


def told(data: Path, story: Any = rebuild, **options: Any) -> tuple[Any, list[str]]:
    """Tell a story without a network; return its summary and what it said."""
    overrides = {"data": data, "fetch.connect_to": NOWHERE}
    said: list[str] = []
    job = Job(
        load_settings(SAMPLE, overrides)[0], moment=MOMENT, say=said.append, **options
    )
    return run_direct(story, job), said


def lose_everything_published(data: Path) -> None:
    (data / "news.duckdb").unlink()
    shutil.rmtree(data / "snapshots")
    shutil.rmtree(data / "warehouse")


@pytest.mark.parametrize("bare", [False, True])
def test_a_rebuilt_warehouse_is_equal_to_the_old_one(data: Path, *, bare: bool) -> None:
    before = dump(data / "news.duckdb")

    summary, said = told(data, rebuild=True, bare=bare, full=True)

    assert dump(data / "news.duckdb") == before
    assert summary["loaded"] + summary["unchanged"] == 38
    assert "files: 0 missing, 0 changed, 0 foreign" in said[-2]
    [kept] = (data / "warehouse" / "set-aside").iterdir()
    assert kept.name == "working-20260102T030405Z-rebuilt.duckdb"


def test_sources_captures_and_cache_alone_make_the_same_warehouse(data: Path) -> None:
    before = dump(data / "news.duckdb")
    lose_everything_published(data)

    summary, _ = told(data, refresh)

    assert (summary["urls_due"], summary["images_due"]) == (0, 0)
    assert dump(data / "news.duckdb") == before


def test_an_image_whose_file_is_lost_as_well_is_due_again(data: Path) -> None:
    lose_everything_published(data)
    shutil.rmtree(data / "images")

    summary, _ = told(data, rebuild=True, full=True)

    due = [row for row in dump(data / "news.duckdb")["images"] if "status=due" in row]
    assert len(due) > 30
    assert summary["audits"] == {}


def test_a_damaged_record_costs_its_own_rows_alone(data: Path) -> None:
    [(_, path), *_] = find_files(data / "captures")
    rows, lost = salvage_rows(path)
    assert lost == 0
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)

    saved, lost = salvage_rows(path)

    assert 0 < lost < 200_000
    assert len(rows) - 4 <= len(saved) <= len(rows)


def test_how_images_ended_is_kept_without_their_bytes(data: Path) -> None:
    rows = [
        row
        for _, path in find_files(data / "captures")
        for row in salvage_rows(path)[0]
    ]
    images = [row for row in rows if isinstance(row, ImageResult)]

    assert {image.status for image in images} == {"cached", "failed", "rejected"}
    assert all(image.image.thumbnail == b"" for image in images if image.image)
