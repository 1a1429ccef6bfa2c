"""A server that has just come up, and one that has been up for long."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.services import find_service
from tests.hub import Hub
from tests.test_cli import wirehouse
from tests.test_services import free_port

SCRIPT = f"trap '' INT; exec {Path(sys.executable).with_name('wirehouse')} up"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with everything up, by a script that ignores Ctrl-C."""
    folder = tmp_path_factory.mktemp("long")
    Hub(folder).write("a.md")
    text = f'sources = ["hub"]\nprefect_port = {free_port()}\n'
    text += 'schedule = "0 0 1 1 *"\ntimezone = "Europe/Berlin"\n'
    (folder / "wirehouse.toml").write_text(text)
    try:
        subprocess.run(["sh", "-c", SCRIPT], cwd=folder, check=True)  # noqa: S607
        yield folder
    finally:
        wirehouse("down", cwd=folder)


def known(place: Path, statement: str, *values: object) -> list[Any]:
    """What the database of the server answers, a value a row."""
    path = place / "data" / "prefect" / "prefect.db"
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        return [value for (value,) in database.execute(statement, values).fetchall()]


def is_nothing(place: Path, question: str, value: object) -> bool:
    """Tell whether the answer to a question is none."""
    return known(place, question, value) == [0]


def is_gone(place: Path, name: str) -> bool:
    """Tell whether a service does not run."""
    return find_service(place / "data", name) is None


def comes(condition: Callable[[], object], seconds: float = 60) -> bool:
    """Wait until *condition* holds; tell whether it does."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)
    return bool(condition())


def test_the_next_run_is_told_before_the_server_has_made_it(place: Path) -> None:
    """It makes the runs of a schedule up to a minute after it was told of it."""
    known(place, "delete from flow_run where state_name = 'Scheduled'")

    shown = wirehouse("status", cwd=place).stdout.splitlines()

    lines = dict(line.strip().split("  ", 1) for line in shown[1:5])
    assert lines["next run"].endswith("-01-01 00:00 CET")


def test_runs_of_90_days_and_events_of_7_are_all_that_is_kept(place: Path) -> None:
    """With their logs, tasks and artifacts, from the next start on, and each hour."""
    for _ in range(2):
        assert wirehouse("run", "--no-fetch", "--no-images", cwd=place).returncode == 0
    wirehouse("down", cwd=place)
    ended = "select id from flow_run where end_time is not null order by end_time"
    old, young = known(place, ended)
    for run, days in ((old, 91), (young, 89)):
        moment = f"datetime(end_time, '-{days} days')"
        known(place, f"update flow_run set end_time = {moment} where id = ?", run)  # noqa: S608
    first, second = known(place, "select id from events order by occurred limit 2")
    for event, days in ((first, 8), (second, 6)):
        moment = f"occurred = datetime(occurred, '-{days} days')"
        known(place, f"update events set {moment} where id = ?", event)  # noqa: S608
        known(
            place, f"update event_resources set {moment} where event_id = ?", event  # noqa: S608
        )  # fmt: skip

    assert wirehouse("up", cwd=place).returncode == 0

    assert comes(lambda: known(place, ended) == [young])
    for table in ("log", "artifact", "task_run"):
        of_a_run = f"select count(*) from {table} where flow_run_id = ?"  # noqa: S608
        assert comes(partial(is_nothing, place, of_a_run, old))
        assert not is_nothing(place, of_a_run, young)
    assert comes(lambda: not known(place, "select 1 from events where id = ?", first))
    assert known(place, "select 1 from events where id = ?", second) == [1]
    resources = "select count(*) from event_resources where event_id = ?"
    assert comes(partial(is_nothing, place, resources, first))


def test_ctrl_c_reaches_what_a_script_started_that_ignores_it(place: Path) -> None:
    """What is ignored stays so in every child (POSIX), unless that says otherwise."""
    wirehouse("down", cwd=place)
    subprocess.run(["sh", "-c", SCRIPT], cwd=place, check=True)  # noqa: S607

    for name in ("worker", "server"):
        service = find_service(place / "data", name)
        assert service is not None, name
        os.kill(service.pid, signal.SIGINT)
        assert comes(partial(is_gone, place, name), 30)
