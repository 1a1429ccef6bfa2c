"""The doctor: what is wrong is looked for, and mended on demand without the network."""

from __future__ import annotations

from contextlib import nullcontext

from flows.direct import run_direct
from flows.refresh import read_pages, read_sources
from tasks.doctor import Finding, broken_snapshots, examine
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
            return [Finding("lock", "free"), *examine(settings, is_idle=True)]
    except LockHeldError as error:
        state = f"{error}, before the rest is looked at"
        return [Finding("lock", state), *examine(settings, is_idle=False)]


def mend(job: Job) -> None:
    """Mend all that can be mended here; raises what a run raises."""
    with hold_lock(job.settings.data, job.moment):
        for path in broken_snapshots(job.settings.data):
            kept = set_aside(path, job.moment, "damaged")
            job.say(f"snapshot {int(path.stem)} is kept as {kept}")
    run_direct(_mend, job)


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
