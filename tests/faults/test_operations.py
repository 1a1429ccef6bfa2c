"""Server, worker and runs that are killed, cancelled and ended in the middle of it.

The bounds are those that people are promised; a machine with nothing else to do keeps
them easily.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.services import find_service
from tests.faults.stand import ROOT
from tests.hub import Hub
from tests.origin import open_origin
from tests.receiver import listening
from tests.test_cli import wirehouse
from tests.test_services import free_port

pytestmark = pytest.mark.faults
PAGES = 120  # of one host that is asked once a second: runs take two minutes
# From what is published to the end, without a server: 5 s for its bars, 30 s for it to
# come back, twice 20 s to tell it how the run ended, and a busy machine.
LAST_SECONDS = 120
ENDED = ("Completed", "Failed", "Crashed", "Cancelled")


def children(pid: int) -> list[int]:
    """Return the processes that a process started (proc(5))."""
    folder = Path(f"/proc/{pid}/task")
    listed = (path.read_text().split() for path in folder.glob("*/children"))
    return [int(pid) for found in listed for pid in found]


@dataclass
class Place:
    """A folder with everything up, and what its webhook was told."""

    folder: Path
    port: int
    told: list[dict[str, Any]] = field(default_factory=list)

    def start(self) -> str:
        """Ask for a refresh; return its id when it has begun to fetch."""
        before = self.kept()
        run_id = self.create()
        wait_for(lambda: self.kept() > before + 1, 90)
        return run_id

    def create(self, tags: Sequence[str] = (), **state: Any) -> str:
        """Have the server schedule a refresh; return its id."""
        refresh = self.ask("GET", "/deployments/name/refresh/refresh")
        made = f"/deployments/{refresh['id']}/create_flow_run"
        wanted = {"state": {"type": "SCHEDULED", **state}, "tags": list(tags)}
        return str(self.ask("POST", made, wanted)["id"])

    def beats(self, run_id: str) -> int:
        """Count the heartbeats of a flow run that the server heard."""
        wanted = {
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run_id}"]},
        }
        return len(self.ask("POST", "/events/filter", {"filter": wanted})["events"])

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the server's API, again while it is too busy to answer."""
        deadline = time.monotonic() + 60
        while (answer := self._answer(method, path, body))[0] == 503:
            assert time.monotonic() < deadline, "too busy for a minute"
            time.sleep(1)
        assert answer[0] < 300, answer
        return json.loads(answer[1])

    def _answer(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        connection.request(method, f"/api{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def state(self, run_id: str) -> dict[str, Any]:
        """Return the state of a flow run as the server knows it."""
        return dict(self.ask("GET", f"/flow_runs/{run_id}")["state"])

    def pid(self, name: str) -> int:
        """Return the process of the `server` or `worker`."""
        service = find_service(self.folder / "data", name)
        assert service is not None
        return service.pid

    def runs(self) -> list[int]:
        """Return the processes of runs: the children of the worker."""
        return children(self.pid("worker"))

    def kept(self) -> int:
        """Return how many answers lie in WARC files by now, at most half a page off."""
        files = (self.folder / "data" / "captures").glob("*")
        return sum(path.read_bytes().count(b"\x1f\x8b\x08") for path in files)

    def statuses(self) -> list[str]:
        """Return how the runs ended, by the working file of the warehouse."""
        path = self.folder / "data" / "warehouse" / "working.duckdb"
        with duckdb.connect(str(path), read_only=True) as warehouse:
            rows = warehouse.execute("select status from runs order by run_number")
            return [status for (status,) in rows.fetchall()]


def wait_for(condition: Callable[[], Any], seconds: float) -> float:
    """Wait until *condition* holds; return how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A hub of many pages of one slow host, and a webhook that is a real server."""
    place = Place(tmp_path_factory.mktemp("faults"), free_port())
    hub = Hub(place.folder)
    for number in range(PAGES):
        hub.write(f"{number:03}.md", webUrl=f"http://news.example/page?{number}")
    with open_origin() as origin, listening(place.told) as webhook:
        (place.folder / "wirehouse.toml").write_text(
            f'sources = ["hub"]\nprefect_port = {place.port}\n'
            f'prefect_webhook = "{webhook}"\nschedule = "0 0 1 1 *"\n'
            'verify_schedule = "0 0 1 1 *"\n[fetch]\nfallbacks = []\n'
            f'connect_to = {{ "*" = "{origin.address}" }}\n'
        )
        try:
            assert wirehouse("up", cwd=place.folder).returncode == 0
            yield place
        finally:
            wirehouse("down", cwd=place.folder)


def test_a_killed_run_has_crashed_in_5_s_and_one_message_says_so(place: Place) -> None:
    run_id = place.start()

    for pid in place.runs():
        os.kill(pid, signal.SIGKILL)

    assert wait_for(lambda: place.state(run_id)["name"] == "Crashed", 5) <= 5
    wait_for(lambda: place.told, 30)
    time.sleep(5)  # in which a second message would come
    (message,) = place.told
    assert (message["state"], "SIGKILL" in message["reason"]) == ("Crashed", True)
    assert message["address"].endswith(f"/runs/flow-run/{run_id}")


def test_a_cancelled_run_is_gone_in_15_s_and_keeps_what_it_has(place: Place) -> None:
    run_id = place.start()
    kept = place.kept()

    cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    place.ask("POST", f"/flow_runs/{run_id}/set_state", cancelling)

    assert wait_for(lambda: not place.runs(), 15) <= 15
    wait_for(lambda: place.state(run_id)["name"] == "Cancelled", 30)
    assert place.kept() >= kept
    assert place.statuses() == ["killed", "broken"]


SOON = """
from datetime import timedelta
from pathlib import Path
from flows.serve import prepare_environment
prepare_environment(Path("data"))
from flows import deployments
deployments.PATIENCE = timedelta(seconds=10)
from flows.cli import main
main()
"""


def test_a_run_that_a_worker_took_and_never_started_has_crashed(place: Place) -> None:
    """With a patience of 10 s in place of five minutes."""
    up = [sys.executable, "-c", SOON, "up"]
    environment = os.environ | {"PREFECT_API_URL": f"http://127.0.0.1:{place.port}/api"}
    subprocess.run(
        up, cwd=place.folder, env=environment, check=True, capture_output=True
    )
    later = datetime.now(UTC) + timedelta(days=1)
    run_id = place.create(state_details={"scheduled_time": later.isoformat()})
    place.ask("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": "PENDING"}})

    wait_for(lambda: place.state(run_id)["name"] == "Crashed", 40)

    assert place.state(run_id)["message"] == "it did not start within 10 s"
    assert wirehouse("up", cwd=place.folder).returncode == 0


def test_a_second_worker_is_told_who_runs_and_can_do_all_the_first_can(
    place: Place,
) -> None:
    """As on another machine that shares the folder; see docs/several-machines.md."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    environment |= {"PREFECT_API_URL": f"http://127.0.0.1:{place.port}/api"}
    environment |= {"PYTHONPATH": str(ROOT)}
    first = place.start()
    with subprocess.Popen(
        [sys.executable, "-m", "flows.serve", "worker", "wirehouse"],
        cwd=place.folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as second:  # fmt: skip
        try:
            beside = place.create()
            wait_for(lambda: place.state(beside)["name"] in ENDED, 90)
            (running,) = place.runs()
            told = place.state(beside)
            assert told["name"] == "Cancelled"
            assert told["message"].startswith("skipped: another run holds ")
            assert f"(process {running}, since " in told["message"]
            os.kill(place.pid("worker"), signal.SIGTERM)
            wait_for(lambda: place.state(first)["name"] == "Crashed", 30)

            run_id = place.start()
            (running,) = children(second.pid)
            wait_for(lambda: place.beats(run_id), 45)
            cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
            place.ask("POST", f"/flow_runs/{run_id}/set_state", cancelling)
            wait_for(lambda: not children(second.pid), 15)
        finally:
            second.terminate()
        assert second.wait(30) == 0
    assert not (place.folder / ".prefect").exists()
    assert wirehouse("up", cwd=place.folder).returncode == 0


def test_a_worker_that_is_told_to_end_ends_its_run_first(place: Place) -> None:
    run_id = place.start()
    worker = place.pid("worker")

    os.kill(worker, signal.SIGTERM)

    assert wait_for(lambda: not Path(f"/proc/{worker}/fd/0").exists(), 20) <= 20
    assert place.state(run_id)["name"] == "Crashed"
    assert place.statuses()[-1] == "broken"


def test_where_worker_and_run_are_killed_the_run_is_no_zombie(place: Place) -> None:
    """It is none for longer than two of Prefect's own heartbeats, of 30 s."""
    assert wirehouse("up", cwd=place.folder).returncode == 0
    run_id = place.start()

    for pid in [place.pid("worker"), *place.runs()]:
        os.kill(pid, signal.SIGKILL)

    assert wait_for(lambda: place.state(run_id)["name"] == "Crashed", 75) <= 60


def test_a_run_outlives_a_server_that_is_gone_for_30_s(place: Place) -> None:
    assert wirehouse("up", cwd=place.folder).returncode == 0
    run_id = place.start()

    os.kill(place.pid("server"), signal.SIGKILL)
    time.sleep(30)
    assert place.runs()
    assert wirehouse("up", cwd=place.folder).returncode == 0

    wait_for(lambda: place.state(run_id)["name"] in ENDED, 240)
    state = place.state(run_id)
    assert state["name"] == "Completed", state["message"]
    assert place.statuses()[-2:] == ["killed", "complete"]
    published = place.folder / "data" / "news.duckdb"
    with duckdb.connect(str(published), read_only=True) as warehouse:
        captured = warehouse.execute("select count(*) from captures").fetchone()
    assert captured == (PAGES,)


def test_a_run_whose_server_and_worker_were_killed_with_it_is_buried(
    place: Place,
) -> None:
    for number in range(PAGES, PAGES + 30):
        Hub(place.folder).write(
            f"{number:03}.md", webUrl=f"http://news.example/page?{number}"
        )
    run_id = place.start()

    services = [place.pid("server"), place.pid("worker")]
    for pid in [*place.runs(), *services]:
        os.kill(pid, signal.SIGKILL)
    assert wirehouse("up", cwd=place.folder).returncode == 0
    place.start()

    state = place.state(run_id)
    assert state["name"] == "Crashed"
    assert state["message"] in {
        "it was killed; another run went on from it",
        "nothing was heard of it for 56 s",  # where starting takes as long as that
    }


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_run_by_hand_whose_server_is_gone_for_good_is_published(
    tmp_path: Path, fault: signal.Signals
) -> None:
    """Killed, or taking connections and never answering: nobody waits for minutes."""
    for number in range(12):
        Hub(tmp_path).write(f"{number}.md", webUrl=f"http://news.example/{number}")
    with open_origin() as origin:
        (tmp_path / "wirehouse.toml").write_text(
            f'sources = ["hub"]\nprefect_port = {free_port()}\n[fetch]\n'
            f'fallbacks = []\nconnect_to = {{ "*" = "{origin.address}" }}\n'
        )
        try:
            assert wirehouse("up", cwd=tmp_path).returncode == 0
            place = Place(tmp_path, 0)
            ended: list[Any] = []
            run = threading.Thread(
                target=lambda: ended.append(wirehouse("run", cwd=tmp_path))
            )
            run.start()
            wait_for(lambda: place.kept() > 1, 90)
            os.kill(place.pid("server"), fault)
            wait_for((tmp_path / "data" / "news.duckdb").exists, 120)
            assert wait_for(lambda: ended, LAST_SECONDS) <= LAST_SECONDS
        finally:
            wirehouse("down", cwd=tmp_path)

    (done,) = ended
    assert done.returncode == 0, done.stderr
    assert "12 captured" in done.stdout
    assert "the Prefect server is gone" in done.stderr
    assert "Traceback" not in done.stderr
