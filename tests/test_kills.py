"""A run that is killed anywhere is repaired by the next one."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import refresh, verify_images
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
    "books closed, no Parquet",
    "copied, not published",
    "published, not kept",
]
IMAGE_POINTS = [
    "an image half written",
    "some images kept",
    "images written, not settled",
    "images half settled",
    "images at their paths, their folders not synced",
    "images settled, not in the table",
    "images in the table",
    "verify: set aside, still in the table",
    "verify: no longer in the table",
]
ROOT = Path(__file__).parents[1]


def _demo(data: Path) -> None:
    with demo_settings(data) as settings:
        run_direct(refresh, Job(settings, moment=MOMENT, say=lambda _: None))


def _kill(data: Path, point: str) -> None:
    """Start a run that dies at *point*."""
    program = [sys.executable, "-m", "tests.faults.killed_run", str(data), point]
    killed = subprocess.run(program, cwd=ROOT, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL


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
    _kill(tmp_path, point)

    _demo(tmp_path)

    assert dump(tmp_path / "news.duckdb") == uninterrupted
    with duckdb.connect(str(tmp_path / "news.duckdb"), read_only=True) as published:
        runs = published.execute("select status from runs order by run_number")
        assert runs.fetchall()[-1] == ("complete",)
    assert not list(tmp_path.glob(".*.new"))
    assert not list((tmp_path / "parquet").glob(".*"))


@pytest.mark.parametrize("point", IMAGE_POINTS)
def test_after_a_kill_the_image_cache_is_whole_once_it_is_verified(
    tmp_path: Path, point: str
) -> None:
    """No torn file, no row without a file, no file without a row."""
    if point.startswith("verify"):
        _demo(tmp_path)
        gone, changed, *_ = sorted((tmp_path / "images").rglob("*.*"))
        gone.unlink()
        changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    _kill(tmp_path, point)
    assert not _torn(tmp_path)

    with demo_settings(tmp_path) as settings:
        run_direct(verify_images, Job(settings, moment=MOMENT, say=lambda _: None))

    named, cached = _named_files(tmp_path)
    found = [file for place in PLACES for file in (tmp_path / place).rglob("*")]
    files = {file.relative_to(tmp_path).as_posix() for file in found if file.is_file()}
    assert named == files
    assert not _torn(tmp_path)
    if "half written" not in point and "not synced" not in point:
        assert cached > 30


PLACES = ("images", "thumbnails")


def _torn(data: Path) -> list[Path]:
    """Return the images whose content is not what their name says."""
    images = (path for path in (data / "images").rglob("*.*") if path.suffix != ".part")
    return [
        path
        for path in images
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem
    ]


def _named_files(data: Path) -> tuple[set[str], int]:
    """Return the files that rows name, and how many images are cached."""
    working = str(data / "warehouse" / "working.duckdb")
    with duckdb.connect(working, read_only=True) as connection:
        rows = connection.execute(
            "select unnest([path, thumbnail_path]) from images union"
            " select unnest([path, thumbnail_path]) from image_versions"
        ).fetchall()
        ((cached,),) = connection.execute(
            "select count(*) from images where status = 'cached'"
        ).fetchall()
    return {path for (path,) in rows if path}, cached
