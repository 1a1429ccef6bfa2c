"""The doctor: what is wrong is looked for, and mended on demand without the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from flows.direct import run_direct
from flows.refresh import read_pages, read_sources
from flows.serve import prepare_environment
from flows.services import find_address
from tasks.doctor import MEND, Finding, broken_snapshots, examine
from tasks.lock import LockHeldError, hold_lock
from tasks.recovery import set_aside
from tasks.run import Job, Run
from tasks.steps import Steps


def look(job: Job) -> list[Finding]:
    """Return what is found in the data directory, while no run can begin."""
    settings = job.settings
    is_made = (settings.data / "warehouse").is_dir()
    try:
        with hold_lock(settings.data, job.moment) if is_made else nullcontext():
            found = [Finding("lock", "free"), *examine(settings, is_idle=True)]
    except LockHeldError as error:
        state = f"{error}, before the rest is looked at"
        found = [Finding("lock", state), *examine(settings, is_idle=False)]
    if _is_served(settings.data):
        from flows.stuck import find_stuck  # noqa: PLC0415 - it imports Prefect

        found.append(_flow_runs([run.name for run in find_stuck()]))
    return found


def mend(job: Job) -> None:
    """Mend all that can be mended here; raises what a run raises."""
    if _is_served(job.settings.data):
        from flows.stuck import end_stuck, find_stuck  # noqa: PLC0415 - as above

        end_stuck(find_stuck())
    with hold_lock(job.settings.data, job.moment):
        for path in broken_snapshots(job.settings.data):
            kept = set_aside(path, job.moment, "damaged")
            job.say(f"snapshot {int(path.stem)} is kept as {kept}")
    run_direct(_mend, job)


def _is_served(data: Path) -> bool:
    """Tell whether a data directory's own Prefect server is up, to be asked then."""
    address = find_address(data)
    if address is None:
        return False
    prepare_environment(data)
    os.environ.setdefault("PREFECT_API_URL", address)
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
