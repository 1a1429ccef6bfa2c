"""What a killed run captured is taken over by the next one, and not asked for again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import refresh
from tasks.captures import read_capture, read_rows
from tasks.models import Capture, WarcPlace
from tasks.run import Job
from tests.hub import MOMENT

ROOT = Path(__file__).parents[1]
PLACES = """
select warc_file, warc_offset, warc_length from captures where warc_length > 0
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's data directory, killed when all was captured and no row was written."""
    data = tmp_path_factory.mktemp("killed")
    point = "captures on disk, not in the table"
    program = [sys.executable, "-m", "tests.faults.killed_run", str(data), point]
    assert subprocess.run(program, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    return data


@pytest.fixture
def left_open(killed: Path, tmp_path: Path) -> Path:
    """A copy of the file of captures that it left open."""
    shutil.copytree(killed, tmp_path / "data")
    [path] = (tmp_path / "data" / "captures").iterdir()
    assert path.name.endswith(".warc.gz.open")
    return path


def go_on(data: Path) -> tuple[dict[str, Any], list[str]]:
    """Run the demo again; return its summary and what it said."""
    said: list[str] = []
    with demo_settings(data) as settings:
        summary = run_direct(refresh, Job(settings, moment=MOMENT, say=said.append))
    return summary, said


def about(said: list[str]) -> str:
    """Return the one line on what was left open."""
    [line] = [line for line in said if "left open" in line]
    return line


def test_what_is_on_disk_is_adopted_and_not_asked_for_again(left_open: Path) -> None:
    data = left_open.parents[1]
    kept = {
        row.article_id
        for _, rows in read_rows(left_open)
        for row in rows
        if isinstance(row, Capture)
    }

    summary, said = go_on(data)

    name = left_open.name.removesuffix(".open")
    assert about(said).startswith(f"{name} was left open by a run that was killed: ")
    assert summary["urls_due"] == 36 - len(kept) < 18
    assert summary["pages"] == 32
    assert not list(left_open.parent.glob("*.open"))


def test_every_row_that_is_adopted_names_what_can_be_read(left_open: Path) -> None:
    data = left_open.parents[1]

    go_on(data)

    with duckdb.connect(str(data / "news.duckdb"), read_only=True) as published:
        places = published.execute(PLACES).fetchall()
    assert len(places) >= 32
    for place in places:
        assert read_capture(left_open.parent, WarcPlace(*place)).status_code


def test_a_torn_record_is_cut_off(left_open: Path) -> None:
    whole = left_open.read_bytes()
    left_open.write_bytes(whole + whole[:100])

    _, said = go_on(left_open.parents[1])

    assert "100 bytes of a torn record cut off" in about(said)
    path = left_open.with_name(left_open.name.removesuffix(".open"))
    assert path.read_bytes() == whole


def test_pages_whose_last_records_were_torn_are_asked_for_again(
    left_open: Path,
) -> None:
    whole = left_open.read_bytes()
    left_open.write_bytes(whole[: len(whole) // 2])

    summary, said = go_on(left_open.parents[1])

    assert "captures adopted" in about(said)
    assert 0 < summary["urls_due"] < 36
    assert summary["urls_due"] == summary["captured"] + summary["failed"]
    assert summary["pages"] == 32


def test_damage_in_the_middle_is_said_and_nothing_cut(left_open: Path) -> None:
    content = bytearray(left_open.read_bytes())
    content[len(content) // 2] ^= 0xFF
    left_open.write_bytes(content)

    _, said = go_on(left_open.parents[1])

    assert "and it is damaged: " in about(said)
    path = left_open.with_name(left_open.name.removesuffix(".open"))
    assert path.stat().st_size == len(content)


def test_a_file_without_one_whole_record_is_removed(left_open: Path) -> None:
    left_open.write_bytes(left_open.read_bytes()[:50])

    summary, said = go_on(left_open.parents[1])

    assert "0 captures adopted" in about(said)
    assert not left_open.exists()
    assert summary["urls_due"] == 36


def test_other_programs_read_all_records(left_open: Path) -> None:
    with left_open.open("rb") as file:
        kinds = [record.rec_type for record in ArchiveIterator(file)]
    with left_open.open("rb") as file:
        others = sum(1 for _ in FastIterator(file))

    assert len(kinds) == others
    assert {"warcinfo", "request", "response", "metadata"} <= set(kinds)
