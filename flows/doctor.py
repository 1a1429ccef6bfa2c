"""The doctor: what is wrong is looked for, and mended on demand without the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from flows.direct import run_direct
from flows.refresh import read_pages, read_sources
from flows.serve import api_address, is_healthy, prepare_environment
from flows.services import Service, find_service, first_line
from tasks.doctor import MEND, Finding, broken_snapshots, examine
from tasks.lock import LockHeldError, hold_lock
from tasks.recovery import set_aside
from tasks.run import Job, Run
from tasks.steps import Steps

AGAIN = "`wirehouse down`, then `wirehouse up`"


def look(job: Job) -> list[Finding]:
    """Return what is found in the data directory, while no run can begin."""
    settings = job.settings
    is_made = (settings.data / "warehouse").is_dir()
    try:
        with hold_lock(settings.data, job.moment) if is_made else nullcontext():
            found = [
                Finding("lock", "free"),
                *examine(settings, job.moment, is_idle=True),
            ]
    except LockHeldError as error:
        state = f"{error}, before the rest is looked at"
        found = [Finding("lock", state), *examine(settings, job.moment, is_idle=False)]
    found += _look_at_server(settings.data)
    return found


def mend(job: Job) -> None:
    """Mend all that can be mended here; raises what a run raises."""
    _mend_server(job)
    with hold_lock(job.settings.data, job.moment):
        for path in broken_snapshots(job.settings.data):
            kept = set_aside(path, job.moment, "damaged")
            job.say(f"snapshot {int(path.stem)} is kept as {kept}")
    run_direct(_mend, job)


def _look_at_server(data: Path) -> list[Finding]:
    """Ask a data directory's own Prefect server, if it has one, for what is stuck."""
    server = find_service(data, "server")
    if server is None:
        return []
    if not _is_to_be_asked(data, server):
        state = f"process {server.pid} does not answer on port {server.port}"
        return [Finding("Prefect server", state, AGAIN)]
    from flows.stuck import find_stuck  # noqa: PLC0415 - it imports Prefect

    try:
        return [_flow_runs([run.name for run in find_stuck()])]
    except Exception as error:  # noqa: BLE001 - a client has many, none of them ours
        state = f"it fails when it is asked for its runs: {first_line(error)}"
        return [Finding("Prefect server", state, AGAIN)]


def _mend_server(job: Job) -> None:
    """End the flow runs that are stuck; what the server makes of it mends nothing."""
    data = job.settings.data
    server = find_service(data, "server")
    if server is None or not _is_to_be_asked(data, server):
        return
    from flows.stuck import end_stuck, find_stuck  # noqa: PLC0415 - as above

    try:
        end_stuck(find_stuck())
    except Exception as error:  # noqa: BLE001 - as above
        job.say(
            f"the Prefect server fails, its runs are as they were: {first_line(error)}"
        )


def _is_to_be_asked(data: Path, server: Service) -> bool:
    """Have Prefect's client ask a server; tell whether that answers at all."""
    if server.port is None or not is_healthy(server.port):
        return False
    prepare_environment(data)
    os.environ["PREFECT_API_URL"] = api_address(server.port)
    return True


def _flow_runs(names: Sequence[str]) -> Finding:
    if not names:
        return Finding("flow runs", "none is stuck")
    more = f" and {len(names) - 1:,} more" if names[1:] else ""
    state = f"nothing is heard of {names[0]!r}{more}"
    return Finding("flow runs", state, f"{MEND} ends them, and frees their slots")


def _mend(run: Run, steps: Steps) -> None:
    """Read what is there again, and learn what is not; the next run fetches that.

    A working file that is damaged was made anew before, and captures were adopted.
    """
    if run.settings.sources:
        read_sources(run, steps)
    steps.verify_captures(run)
    read_pages(run, steps)
    steps.verify_images(run)
    steps.publish(run)
