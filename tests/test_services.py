"""`wirehouse up` and `down`: a real server, a real worker, a deployment that runs."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.serve import ask
from flows.services import ServiceError, find_address, find_service, start_server
from tasks.run import VERSION
from tasks.settings import Settings
from tests.faults.stand import ROOT
from tests.faulty import Faulty, failing
from tests.hub import Hub
from tests.origin import open_origin
from tests.receiver import listening
from tests.test_cli import wirehouse

MESSAGES: list[dict[str, Any]] = []  # what the webhook was told
# A deployment's run whose audit fails: the rules themselves are tested elsewhere.
BREAK_A_RULE = """
import os, sys
from pathlib import Path
from flows.serve import prepare_environment
prepare_environment(Path("data"))
from prefect import tags
from flows import course, scheduled
from tasks import publish
def audit(run, known):
    raise publish.AuditError("the warehouse breaks its own rules: a_rule (1)")
publish._audit = audit
with tags("wirehouse"):
    scheduled.refresh(scheduled.RefreshOptions(with_pages=False, with_images=False),
                      return_state=True)
course.flush()
"""

RUN = """
import os, sys
from prefect.deployments import run_deployment
state = run_deployment("refresh/refresh", timeout=120, parameters={"options": {
    "with_pages": False, "with_images": False}}).state
print(state.name, state.message)
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a hub and settings, everything up; at the end it is down."""
    folder = tmp_path_factory.mktemp("up")
    Hub(folder).write("a.md")
    with listening(MESSAGES) as webhook:
        (folder / "wirehouse.toml").write_text(
            f'sources = ["hub"]\nprefect_port = {free_port()}\n'
            'schedule = "0 0 1 1 *"\nverify_schedule = "15 4 2 1 *"\n'
            f'timezone = "Europe/Berlin"\nprefect_webhook = "{webhook}"\n'
        )
        started = wirehouse("up", cwd=folder, PREFECT_WORKER_QUERY_SECONDS="1")
        try:
            assert started.returncode == 0, started.stderr
            yield folder
        finally:
            wirehouse("down", cwd=folder)


def flow_runs(place: Path) -> list[tuple[Any, ...]]:
    """The flow runs that the server knows, but those of the schedule."""
    statement = "select name, state_name from flow_run where state_name <> 'Scheduled'"
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        return database.execute(statement).fetchall()


def test_it_says_where_it_is_and_starts_nothing_twice(place: Path) -> None:
    before = [find_service(place / "data", name) for name in ("server", "worker")]

    again = wirehouse("up", cwd=place)

    assert again.returncode == 0, again.stderr
    assert again.stderr == ""
    lines = dict(line.split(maxsplit=1) for line in again.stdout.splitlines())
    assert lines["Prefect"].startswith("UI  http://127.0.0.1:")
    assert "-01-01 00:00 CET" in lines["next"]
    after = [find_service(place / "data", name) for name in ("server", "worker")]
    assert None not in before
    assert after == before


def arenas(pid: int) -> int:
    """Count the arenas of malloc but the first: 64 MB each, used from the beginning."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    places = [[int(end, 16) for end in line.split()[0].split("-")] for line in lines]
    is_unused = [line.split()[1] == "---p" for line in lines]
    return sum(
        begin % 2**26 == 0 and end - begin == 2**26 and unused
        for (begin, _), (_, end), unused in zip(
            places, places[1:], is_unused[1:], strict=False
        )
    )


def test_threads_of_the_server_keep_no_memory_of_their_own(place: Path) -> None:
    server = find_service(place / "data", "server")
    assert server is not None

    assert arenas(server.pid) == 0


def automations(place: Path) -> list[tuple[str, str]]:
    """The automations that the server knows: their ids and names."""
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        return database.execute("select id, name from automation order by 2").fetchall()


def test_two_that_start_it_at_once_start_what_is_missing_once(place: Path) -> None:
    """Here the worker, which was killed; automations that wait for a sign are kept."""
    server, worker = (find_service(place / "data", n) for n in ("server", "worker"))
    known = automations(place)
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    told: list[subprocess.CompletedProcess[str]] = []

    both = [
        threading.Thread(target=lambda: told.append(wirehouse("up", cwd=place)))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert [done.returncode for done in told] == [0, 0], told
    said = [line for done in told for line in done.stderr.splitlines()]
    assert sum("starting the worker" in line for line in said) == 1
    assert find_service(place / "data", "server") == server
    another = find_service(place / "data", "worker")
    assert another is not None
    assert another != worker
    assert automations(place) == known
    assert [name for _, name in known] == [
        "wirehouse: a run that never started has crashed",
        "wirehouse: a run that went silent has crashed",
        "wirehouse: tell of a run that failed or crashed",
    ]


def test_the_server_schedules_the_refresh(place: Path) -> None:
    deadline = time.monotonic() + 60
    statement = "select count(*) from flow_run where state_name = 'Scheduled'"
    count = 0
    while not count and time.monotonic() < deadline:
        with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
            ((count,),) = database.execute(statement).fetchall()
        time.sleep(0.5)

    assert count > 0


def test_the_worker_runs_what_the_server_is_asked_for(place: Path) -> None:
    address = find_address(place / "data")
    environment = {**os.environ, "PREFECT_API_URL": str(address)}
    environment["PREFECT_HOME"] = str(place / "data" / "prefect")

    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip

    assert done.stdout.split()[:1] == ["Completed"], done.stdout + done.stderr
    assert ("refresh · hub · 1 new", "Completed") in flow_runs(place)
    assert (place / "data" / "news.duckdb").is_file()


def test_a_run_by_hand_is_seen_by_the_same_server(place: Path) -> None:
    before = len(flow_runs(place))

    done = wirehouse("run", "--no-fetch", "--no-images", "--json", cwd=place)

    assert json.loads(done.stdout)["files"] == 1
    assert len(flow_runs(place)) == before + 1
    statement = (
        "select tags, message from flow_run join flow_run_state on state_id ="
        " flow_run_state.id where state_name = 'Completed' order by start_time desc"
    )
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        tags, told = database.execute(statement).fetchone()
    assert tags == '["wirehouse"]'
    assert told.startswith("1 article files: 0 loaded, 1 unchanged, 0 rejected; ")


DEPLOYED = """
import sys
from prefect.deployments import run_deployment
state = run_deployment("refresh/refresh", timeout=120, parameters={"options": {
    "mode": sys.argv[1], "with_images": False, "sources": sys.argv[2:]}}).state
print(state.name, state.message)
"""


def test_the_modes_do_what_they_say_in_a_deployments_run(place: Path) -> None:
    """`retry_failed` asks again what failed, `full` reads what did not change."""
    (place / "hub" / "_news" / "gone.md").write_text(
        "---\ntitle: gone\nwebUrl: http://127.0.0.1:9/gone\n---\n"
    )
    environment = {**os.environ, "PREFECT_API_URL": str(find_address(place / "data"))}
    environment["PREFECT_HOME"] = str(place / "data" / "prefect")
    tries, kept = [], []
    for mode in ("incremental", "incremental", "retry_failed", "full"):
        done = subprocess.run(
            [sys.executable, "-c", DEPLOYED, mode, "hub"],
            env=environment, capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip
        assert done.stdout.startswith("Completed"), done.stdout + done.stderr
        summary = artifacts(place)["summary"]
        due = re.search(r"pages due \| ([0-9]+)", summary)
        files = re.search(r"article files \| 2 \| ([^|]*) \|", summary)
        assert due is not None
        assert files is not None
        tries.append(int(due[1]))
        kept.append(files[1])
    (place / "hub" / "_news" / "gone.md").unlink()

    assert tries[2] > tries[1]
    assert kept[1] == "0 loaded, 2 unchanged, 0 rejected"
    assert kept[3] == "2 loaded, 0 unchanged, 0 rejected"


def artifacts(place: Path) -> dict[str, Any]:
    """The artifacts of the last flow run that left any, by key."""
    statement = (
        "select key, data from artifact where flow_run_id ="
        " (select flow_run_id from artifact order by created desc limit 1)"
    )
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        return dict(database.execute(statement).fetchall())


def test_a_run_leaves_its_story_as_artifacts(place: Path) -> None:
    (place / "hub" / "_news" / "c.md").write_text("no front matter")

    wirehouse("run", "--no-fetch", "--no-images", cwd=place)

    left = artifacts(place)
    assert set(left) == {
        "summary", "failures", "rejections", "repairs", "audits", "reading",
    }  # fmt: skip
    assert "1 rejected files: table `rejections`" in left["summary"]
    summary = json.loads(left["summary"])
    assert "```mermaid" in summary
    _, _, told = summary.partition("## Against the last runs\n")
    runs = [
        int(number) for number in re.findall(r"^\| ([0-9]+) \|", told, re.MULTILINE)
    ]
    assert runs == list(range(runs[0], runs[0] - 6, -1))  # it, and five before it
    (rejected,) = json.loads(json.loads(left["rejections"]))
    assert rejected["subject"] == "_news/c.md"
    assert left["reading"] == 100
    assert ("refresh · hub · nothing new", "Completed") in flow_runs(place)


def bars_of(port: int, name: str) -> list[float]:
    """How far the bars called *name* are, of runs that are under way."""
    wanted = {
        "artifacts": {"key": {"any_": [name]}, "type": {"any_": ["progress"]}},
        "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}},
    }
    return [
        float(bar["data"]) for bar in ask(port, "POST", "/artifacts/filter", wanted)
    ]


def test_a_bar_moves_while_its_stage_is_under_way(place: Path) -> None:
    """As whoever looks at the page sees it: there once, and further each time."""
    (place / "slow").mkdir()
    hub = Hub(place / "slow")
    for number in range(12):  # of one host, which is asked once a second
        hub.write(f"{number}.md", webUrl=f"http://slow.example/{number}")
    server = find_service(place / "data", "server")
    assert server is not None
    seen: list[float] = []
    with open_origin() as origin, subprocess.Popen(
        [Path(sys.executable).with_name("wirehouse"), "run", "--no-images",
         "--source", "slow/hub"],
        cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "WIREHOUSE_FETCH__CONNECT_TO": json.dumps({"*.example": origin.address}),
        },
    ) as run:  # fmt: skip
        while run.poll() is None:
            bars = bars_of(server.port or 0, "fetching-pages")
            assert len(bars) <= 1
            seen += [share for share in bars if share not in seen]
            time.sleep(0.2)

    assert run.returncode == 0
    assert len(seen) >= 3, seen
    assert seen == sorted(seen)
    assert artifacts(place)["fetching-pages"] == 100


def test_a_broken_run_has_failed_with_the_one_line_that_matters(place: Path) -> None:
    looks_like_git = place / "hub" / ".git"
    looks_like_git.mkdir()
    MESSAGES.clear()

    done = wirehouse("run", "--no-fetch", "--no-images", cwd=place)

    looks_like_git.rmdir()

    assert (done.returncode, done.stdout) == (1, "")
    statement = "select name, message from flow_run_state order by timestamp"
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        state, message = database.execute(statement).fetchall()[-1]
    assert state == "Failed"
    assert f"wirehouse: {message}\n" in done.stderr
    assert artifacts(place)["summary"].startswith('"# Refresh broken')
    told = the_message()
    assert (told["state"], told["reason"]) == ("Failed", message)


def the_message() -> dict[str, Any]:
    """Return what the webhook was told, once it was told anything: one message."""
    deadline = time.monotonic() + 30
    while not MESSAGES and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)  # in which a second one would come
    (message,) = MESSAGES
    return dict(message)


def test_another_machine_that_fails_is_asked_again_and_nothing_else_is(
    place: Path,
) -> None:
    """Twice, and so each such source; what is wrong here is wrong at every try."""
    (place / "wrong" / ".git").mkdir(parents=True)
    program = (
        "import tasks.steps; tasks.steps.RETRY_SECONDS[:] = [0.1, 0.1];"
        "from flows.cli import main; main()"
    )
    gone = f"http://127.0.0.1:{free_port()}/hub.git"
    words = ["run", "--no-fetch", "--no-images", "--source", gone, "--source", "wrong"]

    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert done.stderr.count(": try ") == 3
    statement = (
        "select task_run.name, count(*) from task_run_state join task_run"
        " on task_run.id = task_run_id where task_run_state.name = 'AwaitingRetry'"
        " group by 1"
    )
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        assert database.execute(statement).fetchall() == [
            ("look for changes in hub.git", 2)
        ]
        statement = (
            "select task_run.name, empirical_policy from task_run"
            " where run_count > 1 or task_run.name like 'publish%'"
        )
        policies = {
            name: json.loads(policy)
            for name, policy in database.execute(statement).fetchall()
        }
    assert policies["publish"]["retries"] == 0
    again = policies["look for changes in hub.git"]
    # By a random share of the wait, or many runs come back to a server at once.
    assert (again["retries"], again["retry_jitter_factor"]) == (2, 0.5)


# A run that nobody carries out, and the doctor, for whom every silence is long.
FORGET_A_RUN = """
import os, sys
from datetime import timedelta
from pathlib import Path
from flows.serve import prepare_environment
prepare_environment(Path("data"))
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Running
from flows import cli, stuck

@flow
def forgotten(): pass

with get_client(sync_client=True) as client:
    client.create_flow_run(forgotten, name="forgotten", state=Running())
stuck.SILENCE = timedelta(0)
cli.main()
"""


def test_the_doctor_ends_runs_that_nothing_is_heard_of(place: Path) -> None:
    """As where the server was down when they were killed."""
    environment = os.environ | {"PREFECT_API_URL": find_address(place / "data") or ""}
    command = [sys.executable, "-c", FORGET_A_RUN, "doctor"]

    told = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )

    assert told.returncode == 1, told.stderr
    assert "nothing is heard of 'forgotten'" in told.stdout
    assert ("forgotten", "Running") in flow_runs(place)

    mended = subprocess.run(
        [*command, "--mend"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert mended.returncode == 0, mended.stderr
    assert flow_runs(place).count(("forgotten", "Crashed")) == 2
    assert ("forgotten", "Running") not in flow_runs(place)
    assert "none is stuck" in wirehouse("doctor", cwd=place).stdout


def test_a_server_that_fails_in_the_middle_costs_its_page_alone(place: Path) -> None:
    server = find_service(place / "data", "server")
    assert server is not None
    with failing(Faulty("500", behind=server.port, after=12)) as faulty:
        done = wirehouse(
            "run", "--no-fetch", "--no-images", cwd=place,
            PREFECT_API_URL=faulty.address,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert len(faulty.asked) > 12
    *_, last = done.stderr.splitlines()
    assert last.endswith("its page ends early; all is published")
    assert "Error logging" not in done.stderr


HURRIED = """
from flows import serve
serve.ANSWER_SECONDS = 1.0
serve.QUIET["PREFECT_API_REQUEST_TIMEOUT"] = "1"
from flows import attended
attended.ATTENDED_RETRIES = "1"
from flows.cli import main
main()
"""


def test_a_server_that_hangs_in_the_middle_is_waited_for_a_few_times(
    place: Path,
) -> None:
    """It says that it is well, takes what it is told, and never answers."""
    server = find_service(place / "data", "server")
    assert server is not None
    with failing(Faulty("hang", behind=server.port, after=12)) as faulty:
        done = subprocess.run(
            [sys.executable, "-c", HURRIED, "run", "--no-fetch", "--no-images"],
            cwd=place, capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PREFECT_API_URL": faulty.address},
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    *_, last = done.stderr.splitlines()
    assert last.endswith("its page ends early; all is published")
    assert "Traceback" not in done.stderr


def test_an_audit_that_fails_is_an_event_and_one_message(place: Path) -> None:
    environment = {**os.environ, "PREFECT_API_URL": str(find_address(place / "data"))}
    MESSAGES.clear()

    subprocess.run(
        [sys.executable, "-c", BREAK_A_RULE], cwd=place,
        env=environment, capture_output=True, check=True, timeout=180,
    )  # fmt: skip

    message = the_message()
    assert message["state"] == "Failed"
    assert message["reason"] == "the warehouse breaks its own rules: a_rule (1)"
    deadline = time.monotonic() + 30
    while not events(place) and time.monotonic() < deadline:
        time.sleep(0.1)
    (payload,) = events(place)
    assert payload == {"reason": message["reason"]}


def events(place: Path) -> list[dict[str, Any]]:
    """What the events of audits that failed say, as the server keeps them."""
    statement = "select payload from events where event = 'wirehouse.audit.failed'"
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        return [json.loads(text) for (text,) in database.execute(statement).fetchall()]


def test_the_log_of_a_run_holds_our_lines_alone(place: Path) -> None:
    statement = "select message from log where flow_run_id is not null"
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        lines = [line for (line,) in database.execute(statement).fetchall()]

    assert any("1 files read" in line for line in lines)
    noise = ("Finished in state", "Beginning flow run", "NoneType")
    assert [line for line in lines if any(word in line for word in noise)] == []


def test_no_event_was_dropped_by_a_server_that_was_busy(place: Path) -> None:
    folder = place / "data" / "prefect"

    assert "database is locked" not in (folder / "server.log").read_text()
    assert list((folder / "dlq").glob("*")) == []


def test_no_content_is_kept_as_a_result_of_a_step(place: Path) -> None:
    """Prefect could keep all that steps return, as pickles; it has but errors, as JSON.

    Of such as met the servers above that fail.
    """
    home = place / "data" / "prefect"
    kept = [path.read_text() for path in (home / "storage").glob("*")]

    assert all(json.loads(text) for text in kept)
    assert all(len(text) < 2_000 for text in kept)
    assert list(home.rglob("*.pkl")) == []


def test_verify_and_refresh_run_when_the_settings_say(place: Path) -> None:
    statement = (
        "select d.name, s.schedule from deployment d"
        " join deployment_schedule s on s.deployment_id = d.id"
    )
    with sqlite3.connect(place / "data" / "prefect" / "prefect.db") as database:
        rows = database.execute(statement).fetchall()

    schedules = {name: json.loads(schedule) for name, schedule in rows}
    assert {n: s["cron"] for n, s in schedules.items()} == {
        "refresh": "0 0 1 1 *",
        "verify": "15 4 2 1 *",
    }
    assert {s["timezone"] for s in schedules.values()} == {"Europe/Berlin"}


def known_deployments(place: Path) -> dict[str, dict[str, Any]]:
    """What the server knows of each deployment, but where and when it was made."""
    server = find_service(place / "data", "server")
    assert server is not None
    found = ask(server.port or 0, "POST", "/deployments/filter", {})
    return {
        each["name"]: {
            "entrypoint": each["entrypoint"].replace("/", ".").replace(".py:", "."),
            "pool": each["work_pool_name"],
            "version": each["version"],
            "description": each["description"],
            "tags": each["tags"],
            "parameters": each["parameters"],
            "schema": each["parameter_openapi_schema"],
        }
        for each in found
    }


def fields_of(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    """What the form of a deployment's run asks for."""
    (options,) = deployment["schema"]["definitions"].values()
    return list(options["properties"].values())


def test_status_says_what_is_up_and_how_the_last_run_went(place: Path) -> None:
    shown = wirehouse("status", cwd=place).stdout.splitlines()

    assert shown[0] == "Services"
    lines = dict(line.strip().split("  ", 1) for line in shown[1:5])
    assert lines["Prefect UI"].startswith("http://127.0.0.1:")
    assert lines["worker"].strip().startswith("process ")
    assert lines["next run"].endswith("-01-01 00:00 CET")
    assert lines["last run"].strip().startswith("refresh · hub, Failed at ")


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} is taken .* prefect_port"):
            start_server(Settings(data=tmp_path, prefect_port=port), lambda _: None)


def test_a_server_open_to_other_machines_needs_a_password(tmp_path: Path) -> None:
    everywhere: Any = "0.0.0.0"  # noqa: S104 - which is what is refused
    settings = Settings(data=tmp_path, prefect_host=everywhere, prefect_port=4471)

    with pytest.raises(ServiceError, match="open to other machines: first set PREFECT"):
        start_server(settings, lambda _: None)


def test_plain_prefect_deploy_makes_what_up_makes(place: Path) -> None:
    """But for the schedules, which are in `prefect.yaml` as the settings' defaults."""
    by_up = known_deployments(place)
    environment = {**os.environ, "PREFECT_API_URL": str(find_address(place / "data"))}
    environment["PREFECT_HOME"] = str(place / "data" / "prefect")
    program = Path(sys.executable).with_name("prefect")

    done = subprocess.run(
        [program, "--no-prompt", "deploy", "--all"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert known_deployments(place) == by_up
    for name, known in by_up.items():
        assert (known["tags"], known["version"]) == (["wirehouse"], VERSION), name
        assert known["description"], name
    titles = {
        name: [
            field["title"] for field in fields_of(by_up[name]) if field["description"]
        ]
        for name in ("refresh", "backfill")
    }
    assert titles == {
        "refresh": ["Mode", "Fetch pages", "Fetch images", "Sources"],
        "backfill": ["Sources"],
    }
    ran = subprocess.run(
        [sys.executable, "-c", DEPLOYED, "incremental", str(place / "hub")],
        env=environment, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert ran.stdout.startswith("Completed"), ran.stdout + ran.stderr
    assert wirehouse("up", cwd=place).returncode == 0
    assert known_deployments(place) == by_up


def test_down_ends_both_and_twice_is_no_harm(place: Path) -> None:
    ended = wirehouse("down", cwd=place)
    again = wirehouse("down", cwd=place)

    assert ended.stdout == "ended: worker, server\n"
    assert again.stdout == "nothing was up\n"
    shown = wirehouse("status", cwd=place).stdout.splitlines()
    assert shown[1].endswith("not up: `wirehouse up` starts it")
    assert find_service(place / "data", "server") is None
