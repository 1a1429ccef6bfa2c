"""What a run tells Prefect grows with its batches, not with its pages."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub import Hub
from tests.origin import Origin, open_origin
from tests.test_cli import wirehouse
from tests.test_services import free_port

BATCH = 100  # pages a task, the least that is promised
# The command, which at its end says how many requests it made, and to whom.
COUNTED = """
import atexit, collections, json, sys
import httpx
from flows.cli import main
calls = collections.Counter()
def counted(send):
    def sent(client, request, *rest, **options):
        calls[request.url.path] += 1
        return send(client, request, *rest, **options)
    return sent
for kind in (httpx.Client, httpx.AsyncClient):
    kind.send = counted(kind.send)
atexit.register(lambda: print(json.dumps(calls), file=sys.stderr))
main()
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a hub and a Prefect server that is up."""
    Hub(tmp_path)
    settings = f'sources = ["hub"]\nprefect_port = {free_port()}\n'
    (tmp_path / "wirehouse.toml").write_text(settings)
    try:
        assert wirehouse("up", cwd=tmp_path).returncode == 0
        yield tmp_path
    finally:
        wirehouse("down", cwd=tmp_path)


def count(place: Path) -> dict[str, int]:
    """Return how much the server holds of each kind."""
    statement = (
        "select (select count(*) from task_run), (select count(*) from task_run_state),"
        " (select count(*) from flow_run_state as state"
        " join flow_run as run on run.id = state.flow_run_id"
        " where not run.auto_scheduled),"  # the schedule makes runs meanwhile
        " (select count(*) from log)"
    )
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        counts = database.execute(statement).fetchone()
    names = ("task_run", "task_run_state", "flow_run_state", "log")
    return dict(zip(names, counts, strict=True))


def cost_of(place: Path, origin: Origin, first: int, pages: int) -> dict[str, int]:
    """Fetch so many more pages, and return what Prefect was asked and told."""
    hub = Hub(place)
    for number in range(first, first + pages):
        url = f"http://h{number % 25}.example/page?{number}"
        hub.write(f"{number}.md", webUrl=url)
    before = count(place)
    run = subprocess.run(
        [sys.executable, "-c", COUNTED, "run", "--no-images", "--json"],
        cwd=place, capture_output=True, text=True, check=True, timeout=120,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "WIREHOUSE_FETCH__CONNECT_TO": json.dumps({"*.example": origin.address}),
            "WIREHOUSE_FETCH__PER_HOST_DELAY_SECONDS": "0",
            "WIREHOUSE_FETCH__BATCH_SIZE": str(BATCH),
        },
    )  # fmt: skip
    assert json.loads(run.stdout)["captured"] == pages
    calls = json.loads(run.stderr.splitlines()[-1])
    after = count(place)
    return {
        "requests": sum(calls.values()),
        **{name: after[name] - before[name] for name in after},
    }


def test_prefect_is_told_of_batches_not_of_pages(place: Path) -> None:
    with open_origin() as origin:
        few = cost_of(place, origin, 0, BATCH)
        many = cost_of(place, origin, BATCH, 6 * BATCH)

    # Of 500 pages more: five tasks that fetch them, and two that read 200 each.
    more = 5 + 2
    growth = {name: many[name] - few[name] for name in few}
    assert growth.pop("task_run") == more
    assert growth.pop("flow_run_state") == 0
    assert max(growth.values()) <= 4 * more, growth
