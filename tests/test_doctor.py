"""The doctor names what is wrong, says what to do, and does it on demand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.demo import SAMPLE
from flows.doctor import look, mend
from tasks.captures import find_files
from tasks.doctor import Finding
from tasks.run import Job, working_file
from tasks.settings import Settings, SourceSettings, load_settings
from tests.hub import MOMENT, Hub
from tests.tables import dump
from tests.test_damaged_captures import harm_one

ROOT = Path(__file__).parents[1]


@pytest.fixture
def data(demo_data: Path, tmp_path: Path) -> Path:
    return shutil.copytree(demo_data, tmp_path / "data")


def job(data: Path) -> Job:
    settings = load_settings(SAMPLE, {"data": data})[0]
    return Job(settings, moment=MOMENT, say=lambda _: None)


def wrong(data: Path) -> dict[str, Finding]:
    """Return what is not well, by its name."""
    return {found.what: found for found in look(job(data)) if not found.is_well}


def an_image(data: Path) -> Path:
    return min((data / "images").rglob("*.jpg"))


def write(path: Path, content: bytes = b"damaged") -> None:
    path.write_bytes(content)


def open_file(data: Path) -> None:
    """Leave a WARC file open, as a killed run does."""
    (data / "captures" / "x.warc.gz.open").write_bytes(b"")


SNAPSHOT = "snapshots/000009.duckdb"
HARM: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "working file damaged": (
        lambda data: write(working_file(data)), "working file", "no DuckDB file",
    ),
    "working file gone": (
        lambda data: working_file(data).unlink(), "working file", "it is not there",
    ),
    "published file damaged": (
        lambda data: write(data / "news.duckdb"), "published file", "no DuckDB file",
    ),
    "published file gone": (
        lambda data: (data / "news.duckdb").unlink(), "published file", "none",
    ),
    "a snapshot damaged": (
        lambda data: write(data / SNAPSHOT), "snapshot 9", "DuckDB",
    ),
    "a snapshot of another run": (
        lambda data: shutil.copy(data / "news.duckdb", data / SNAPSHOT),
        "snapshot 9", "it is the state of run 1",
    ),
    "a WARC file left open": (open_file, "x.warc.gz.open", "left open by a run"),
    "an image changed": (
        lambda data: write(an_image(data)), "image cache", "changed: images/",
    ),
    "an image missing": (
        lambda data: an_image(data).unlink(), "image cache", "missing: images/",
    ),
    "a foreign file": (
        lambda data: write(data / "images" / "note.txt"), "image cache", "foreign: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_each_damage_is_named_and_mended(data: Path, harm: str) -> None:
    damage, what, state = HARM[harm]
    before = dump(data / "news.duckdb")["articles"]
    damage(data)

    found = wrong(data)
    mend(job(data))

    assert list(found) == [what]
    assert state in found[what].state
    assert found[what].advice
    assert wrong(data) == {}
    assert dump(data / "news.duckdb")["articles"] == before


def test_a_damaged_capture_is_named_and_let_go(data: Path) -> None:
    _, path = harm_one(data)

    found = wrong(data)
    mend(job(data))

    assert "1 captures damaged, the first is " in found[path.name].state
    assert wrong(data) == {}
    assert [f for f in look(job(data)) if f.what == path.name] != []  # it stays so


def test_rows_that_are_damaged_in_a_warc_file_are_told(data: Path) -> None:
    [(_, path), *_] = find_files(data / "captures")
    with path.open("rb+") as file:
        file.seek(20)  # in the record that tells what wrote it
        file.write(b"\xff\xff\xff")

    [found] = [found for found in look(job(data)) if found.what == path.name]

    assert found.is_well
    assert "only a rebuild would miss them" in found.state


def test_a_killed_run_is_named(hub: Hub) -> None:
    hub.write("a.md")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tasks.stages import sources\n"
        "from tests.hub import Hub\n"
        "sources.list_source = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Hub(Path(sys.argv[1])).run()\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(hub.folder.parent)], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL

    found = wrong(hub.data)

    assert found["last run"].state == "run 1 was killed"


def test_a_run_under_way_is_told_and_not_disturbed(data: Path) -> None:
    from tasks.lock import hold_lock

    with hold_lock(data, MOMENT):
        lock, *others = look(job(data))

    assert f"(process {os.getpid()}, since 2026-01-02" in lock.state
    assert "working file" not in {found.what for found in others}
    assert all(found.is_well for found in others)


def test_sources_that_are_not_there_or_not_reached_are_told(data: Path) -> None:
    places = ["/nowhere/hub", "http://127.0.0.1:9/hub.git"]
    settings = Settings(data=data, sources=tuple(map(SourceSettings, places)))

    found = look(Job(settings, moment=MOMENT))

    there = {each.what: each.state for each in found if each.what.startswith("source")}
    assert "is not there" in there["source /nowhere/hub"]
    assert "cannot be reached: " in there["source http://127.0.0.1:9/hub.git"]


@pytest.mark.parametrize("is_harmed", [False, True])
def test_the_command_prints_a_table_and_ends_with_what_is_so(
    data: Path, *, is_harmed: bool
) -> None:
    if is_harmed:
        an_image(data).unlink()
    program = "from flows.cli import main; main()"
    command = [sys.executable, "-c", program, "doctor", "--data", str(data)]

    table = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT
    )
    answer = subprocess.run(
        [*command, "--json"], capture_output=True, check=False, cwd=ROOT
    )

    assert table.returncode == answer.returncode == int(is_harmed)
    head, *lines = table.stdout.splitlines()
    assert head.split() == ["what", "state", "what", "to", "do"]
    assert [line for line in lines if line.startswith("working file  ")]
    assert json.loads(answer.stdout)["is_well"] is not is_harmed
    assert table.stderr == ""


def test_what_cannot_be_set_is_one_line(tmp_path: Path) -> None:
    """Of settings nothing is looked at before they can be read."""
    (tmp_path / "wirehouse.toml").write_text("sourcs = []")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = "from flows.cli import main; main()"

    told = subprocess.run(
        [sys.executable, "-c", program, "doctor"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip

    assert told.returncode == 2
    assert "sourcs" in told.stderr
    assert told.stderr.count("\n") == 1
