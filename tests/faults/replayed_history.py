"""Run after run on a history replayed commit by commit, to see whether anything grows.

`python -m tests.faults.replayed_history BUNDLE [--runs 200] [--samples FILE] [--write]`
starts a server and worker of its own, moves a branch through the last commits of BUNDLE
and runs after each, by hand and each fourth time by the worker. At the end it says what
grows, and whether it may (status 1 if not). It takes half an hour.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from flows.services import Service, find_service
from tests.benchmarks.measure import WIREHOUSE
from tests.benchmarks.results import (
    figures_table,
    lay_out,
    machine_facts,
    packages,
    write_part,
)
from tests.benchmarks.rows import Figure
from tests.test_cli import wirehouse
from tests.test_services import free_port

OPTIONS = {"with_pages": False, "with_images": False}
RUN_SECONDS = 300.0
EVERY = 20  # runs, of which one is shown
A_DAY = 25  # runs of an hourly refresh, and of a nightly `verify`
# What a run may leave, until it is 90 days old; its events go after seven.
OF_A_RUN = (
    "artifact", "event_resources", "events", "flow_run", "flow_run_state", "log",
    "task_run", "task_run_state",
)  # fmt: skip
# What automations wait for: rows for some minutes, as many as runs in these.
WAITED_FOR = ("automation_bucket", "automation_event_follower")
MOST_GROWTH = 0.03  # MB a run: within 90 days of hourly runs a third of a server
PREAMBLE = """\
# Run after run

Written by `python -m tests.faults.replayed_history BUNDLE --write`; not to be edited.

The history of a real hub replayed commit by commit, a run after each, by hand and each
fourth time by the worker, on the server of `wirehouse up`. How fast something grows is
told by a straight line through the second half of the runs; of what comes and goes
(packs of a mirror, what automations wait for) the most of that half is held against the
most of the first. Runs are kept for 90 days, their events for 7.
"""
Sample = dict[str, float]


def main() -> None:
    """Replay, print a row every 20 runs, and say what grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument(
        "--samples", type=Path, help="write what each run left, as JSON"
    )
    parser.add_argument("--write", action="store_true", help="to the page of results")
    asked = parser.parse_args()
    samples = []
    with tempfile.TemporaryDirectory() as folder:
        for sample in replay(Path(folder), asked.bundle.resolve(), asked.runs):
            samples.append(sample)
            if asked.samples:
                with asked.samples.open("a", encoding="utf-8") as file:
                    file.write(f"{json.dumps(sample)}\n")
            if is_shown(sample, asked.runs):
                say(" ".join(f"{name} {sample[name]:,.1f}," for name in SHOWN))
    found = figures(samples)
    told = f"\n{samples_table(samples)}\n\n{figures_table(found)}\n"
    say(told)
    if asked.write:
        facts = [
            *machine_facts(),
            ("packages", packages(("prefect", "duckdb"))),
            ("history", asked.bundle.name),
            ("runs", str(len(samples))),
        ]
        write_part(PREAMBLE, facts, told)
    sys.exit(any(figure.is_met is False for figure in found))


def replay(folder: Path, bundle: Path, runs: int) -> Iterator[Sample]:
    """Run after each of the last commits of *bundle*; all is in *folder*."""
    hub, port = folder / "hub.git", free_port()
    git("clone", "--quiet", "--bare", str(bundle), str(hub))
    branch = git("-C", str(hub), "symbolic-ref", "HEAD")
    commits = git("-C", str(hub), "rev-list", "--first-parent", "HEAD").split()[:runs]
    text = f'sources = ["hub.git"]\nprefect_port = {port}\nschedule = "0 0 1 1 *"\n'
    (folder / "wirehouse.toml").write_text(text)
    try:
        started = wirehouse("up", cwd=folder, PREFECT_WORKER_QUERY_SECONDS="1")
        assert started.returncode == 0, started.stderr
        for number, commit in enumerate(reversed(commits), 1):
            git("-C", str(hub), "update-ref", branch, commit)
            began = time.monotonic()
            peak = (run_by_hand if number % 4 else run_by_worker)(folder)
            seconds = time.monotonic() - began
            held = {"run": number, "seconds": seconds, "run's peak, MB": peak}
            yield held | measured(folder / "data")
    finally:
        wirehouse("down", cwd=folder)


def run_by_hand(folder: Path) -> float:
    """Run the command; return the peak of its memory in MB."""
    words = [WIREHOUSE, "run", "--no-fetch", "--no-images", "--json"]
    with subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        peak = peak_of(lambda: [process.pid], lambda: process.poll() is not None)
        out, told = process.communicate()
    assert json.loads(out)["status"] == "complete", told
    return peak


def run_by_worker(folder: Path) -> float:
    """Have the worker run; return the peak of the run's memory in MB."""
    server, worker = (running(folder / "data", name) for name in ("server", "worker"))
    made = ask(server, "GET", "/deployments/name/refresh/refresh")
    wanted = {"state": {"type": "SCHEDULED"}, "parameters": {"options": OPTIONS}}
    run = ask(server, "POST", f"/deployments/{made['id']}/create_flow_run", wanted)

    def state() -> str:
        return str(ask(server, "GET", f"/flow_runs/{run['id']}")["state"]["type"])

    def has_ended() -> bool:
        return state() in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

    peak = peak_of(lambda: children(worker.pid), has_ended)
    assert state() == "COMPLETED"
    peak_of(list, lambda: not children(worker.pid))
    return peak


def peak_of(pids: Callable[[], Iterable[int]], is_over: Callable[[], bool]) -> float:
    """Return the largest peak of the memory of processes, in MB, until it is over."""
    peak, deadline = 0.0, time.monotonic() + RUN_SECONDS
    while not is_over():
        assert time.monotonic() < deadline, f"not within {RUN_SECONDS} s"
        peak = max([peak, *(memory(pid).get("VmHWM", 0.0) for pid in pids())])
        time.sleep(0.2)
    return peak


def measured(data: Path) -> Sample:
    """Return what services, disk and tables hold."""
    held: Sample = {}
    for name in ("server", "worker"):
        process = Path(f"/proc/{running(data, name).pid}")
        held[f"{name}, MB"] = memory(int(process.name))["VmRSS"]
        held[f"{name}'s own, MB"] = memory(int(process.name))["RssAnon"]
        held[f"{name}'s open files"] = sum(1 for _ in (process / "fd").iterdir())
    found = [path for path in data.rglob("*") if path.is_file()]
    held["data files"] = len(found)
    database = data / "prefect" / "prefect.db"
    held["prefect.db, MB"] = database.stat().st_size / 1e6
    return held | rows(database)


def rows(database: Path) -> Sample:
    """Return how many rows each table has, and each of three kinds together."""
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        question = "select name from sqlite_master where type = 'table'"
        names = [name for (name,) in connection.execute(question)]
        counts = {
            name: connection.execute(f"select count(*) from {name}").fetchone()[0]  # noqa: S608 - its own names
            for name in names
        }
        question = "select sum(pgsize) from dbstat where name like '%event%'"
        ((events,),) = connection.execute(question)
    others = counts.keys() - {*OF_A_RUN, *WAITED_FOR}
    return {
        **{f"rows of {name}": count for name, count in counts.items()},
        "events, MB": events / 1e6,
        "rows of runs": sum(counts[name] for name in OF_A_RUN),
        "rows that automations wait for": sum(counts[name] for name in WAITED_FOR),
        "rows of all other tables": sum(counts[name] for name in others),
    }


def memory(pid: int) -> dict[str, float]:
    """Return what a process holds (proc(5)), in MB; nothing if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    parts = (line.split() for line in lines if line.startswith(("Vm", "Rss")))
    return {name.rstrip(":"): int(number) / 1e3 for name, number, _ in parts}


def children(pid: int) -> list[int]:
    """Return the processes that a process started (proc(5))."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(pid) for path in found for pid in path.read_text().split()]


def running(data: Path, name: str) -> Service:
    """Return the `server` or `worker`, which must run."""
    service = find_service(data, name)
    assert service is not None, name
    return service


def ask(server: Service, method: str, path: str, body: object = None) -> Any:
    """Ask the API of a server, which must answer."""
    address = ("127.0.0.1", server.port)
    with closing(HTTPConnection(*address, timeout=60)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request(method, f"/api{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    assert answer.status < 300, content
    return json.loads(content)


SHOWN = (
    "run", "seconds", "run's peak, MB", "server, MB", "server's open files",
    "worker, MB", "worker's open files", "data files", "prefect.db, MB", "rows of runs",
    "rows that automations wait for", "rows of all other tables",
)  # fmt: skip


def is_shown(sample: Sample, runs: int) -> bool:
    """Tell whether a run is one of those that are shown."""
    return sample["run"] in {1, runs} or sample["run"] % EVERY == 0


def samples_table(samples: Sequence[Sample]) -> str:
    """Return the runs that are shown as a table."""
    shown = [s for s in samples if is_shown(s, len(samples))]
    return lay_out(SHOWN, [[f"{s[name]:,.0f}" for name in SHOWN] for s in shown])


def figures(samples: Sequence[Sample]) -> list[Figure]:
    """Return what grows, and what it may."""
    half = len(samples) // 2
    first, second = samples[:half], samples[half:]
    held = [
        Figure(
            f"{name} grows by", slope(second, f"{name}, MB"), "MB a run", MOST_GROWTH
        )
        for name in ("server", "worker")
    ]
    coming = ("server's open files", "worker's open files", "data files",
              "rows that automations wait for", "rows of all other tables")  # fmt: skip
    for name in coming:
        more = max(s[name] for s in second) - max(s[name] for s in first)
        held.append(Figure(f"{name}, more at most", more, "", 10))
    left, before = slope(second, "rows of runs"), slope(first, "rows of runs")
    size, events = slope(second, "prefect.db, MB"), slope(second, "events, MB")
    kept = A_DAY * (90 * (size - events) + 7 * events)
    return [
        *held,
        Figure("rows of a run", left, ""),
        Figure("the same against the first half", left / before, "times", 1.1),
        Figure("prefect.db grows by", size, "MB a run"),
        Figure("prefect.db after 90 days of hourly runs", kept, "MB", 500),
        Figure("run's peak grows by", slope(second, "run's peak, MB"), "MB a run"),
    ]


def slope(samples: Sequence[Sample], name: str) -> float:
    """Return by how much something grows a run, by least squares."""
    numbers = [s["run"] for s in samples]
    values = [s[name] for s in samples]
    middle, mean = sum(numbers) / len(numbers), sum(values) / len(values)
    above = sum((n - middle) * (v - mean) for n, v in zip(numbers, values, strict=True))
    return above / sum((n - middle) ** 2 for n in numbers)


def git(*arguments: str) -> str:
    """Run git and return what it printed."""
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 - whichever is on the path
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
