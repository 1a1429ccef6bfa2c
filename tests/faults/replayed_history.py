"""Run after run on a history replayed commit by commit, to see whether anything grows.

`python -m tests.faults.replayed_history BUNDLE [--runs 200]` starts a server and worker
of its own, moves a branch through the last commits of BUNDLE, runs after each, and says
every 20 runs what server and worker hold and what the disk does. It takes 20 minutes.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flows.services import find_service
from tests.test_cli import wirehouse
from tests.test_services import free_port

TABLES = ("flow_run", "task_run", "log", "artifact", "events", "flow_run_state")


def main() -> None:
    """Replay, and print a row every 20 runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        replay(Path(folder), arguments.bundle.resolve(), arguments.runs)


def replay(folder: Path, bundle: Path, runs: int) -> None:
    """Run after each of the last commits of *bundle*; all is in *folder*."""
    hub = folder / "hub.git"
    git("clone", "--quiet", "--bare", str(bundle), str(hub))
    branch = git("-C", str(hub), "symbolic-ref", "HEAD")
    commits = git("-C", str(hub), "rev-list", "--first-parent", "HEAD").split()[:runs]
    text = (
        f'sources = ["hub.git"]\nprefect_port = {free_port()}\nschedule = "0 0 1 1 *"\n'
    )
    (folder / "wirehouse.toml").write_text(text)
    try:
        assert wirehouse("up", cwd=folder).returncode == 0
        say("runs  s/run  server MB  files  worker MB  files  data files  prefect MB")
        began = time.monotonic()
        for number, commit in enumerate(reversed(commits), 1):
            git("-C", str(hub), "update-ref", branch, commit)
            done = wirehouse("run", "--no-fetch", "--no-images", "--json", cwd=folder)
            assert json.loads(done.stdout)["status"] == "complete", done.stderr
            if number in {1, runs} or number % 20 == 0:
                say(measured(folder / "data", number, time.monotonic() - began))
                began = time.monotonic()
    finally:
        wirehouse("down", cwd=folder)


def measured(data: Path, number: int, seconds: float) -> str:
    """Return what is held after run *number*, in a line."""
    held = [held_by(data, name) for name in ("server", "worker")]
    database = data / "prefect" / "prefect.db"
    files = sum(path.is_file() for path in data.rglob("*"))
    with sqlite3.connect(database) as connection:
        counts = {
            table: connection.execute(f"select count(*) from {table}").fetchone()[0]  # noqa: S608 - our own names
            for table in TABLES
        }
    (server, server_files), (worker, worker_files) = held
    return (
        f"{number:4}  {seconds / min(number, 20):5.1f}  {server:9.0f}  {server_files:5}"
        f"  {worker:9.0f}  {worker_files:5}  {files:10}"
        f"  {database.stat().st_size / 1e6:10.1f}  {counts}"
    )


def held_by(data: Path, name: str) -> tuple[float, int]:
    """Return the memory in MB and the open files of a service."""
    service = find_service(data, name)
    assert service is not None, name
    status = Path(f"/proc/{service.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    files = sum(1 for _ in Path(f"/proc/{service.pid}/fd").iterdir())
    return int(line.split()[1]) / 1e3, files


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
