"""A capture that is not as it was written costs one more request: its own."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import read_every_page, refresh
from tasks.run import Job, Run
from tasks.steps import Steps
from tests.hub import MOMENT
from tests.tables import dump


@pytest.fixture
def data(demo_data: Path, tmp_path: Path) -> Path:
    return shutil.copytree(demo_data, tmp_path / "data")


def tell(
    data: Path, story: Any = refresh, moment: datetime = MOMENT
) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    with demo_settings(data) as settings:
        job = Job(settings, moment=moment, say=said.append)
        return run_direct(story, job), said


def verify(run: Run, steps: Steps) -> None:
    steps.verify_captures(run)
    steps.publish(run)


def harm_one(data: Path, *, cut: bool = False) -> tuple[str, Path]:
    """Damage the capture of one page; return its address and the file."""
    with duckdb.connect(str(data / "news.duckdb"), read_only=True) as file:
        found = file.execute(
            "select url, warc_file, warc_offset, warc_length from captures"
            " where outcome = 'ok' and via = 'origin' order by warc_offset"
        ).fetchall()
    url, name, offset, length = found[-1 if cut else 0]
    path = data / "captures" / name
    content = bytearray(path.read_bytes())
    content[offset + length // 2] ^= 4
    path.write_bytes(content[: offset + length // 2] if cut else content)
    return str(url), path


@pytest.mark.parametrize(("story", "cut"), [(verify, True), (read_every_page, False)])
def test_that_page_alone_is_fetched_again(data: Path, story: Any, *, cut: bool) -> None:
    """A cut file loses the end of it: all pages whose captures lay there."""
    before = dump(data / "news.duckdb")["pages"]
    url, path = harm_one(data, cut=cut)

    _, said = tell(data, story, MOMENT + timedelta(seconds=1))
    summary, _ = tell(data)

    told = [line for line in said if "is damaged" in line]
    own = f"the capture of {url} is damaged: {path.name}"
    assert [line for line in told if own in line]
    assert summary["urls_due"] == summary["captured"] == len(told)
    assert cut or len(told) == 1
    assert len(dump(data / "news.duckdb")["pages"]) == len(before)
    assert tell(data, verify)[1][-2].endswith(" captures verified, 0 damaged")
