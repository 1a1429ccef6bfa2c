"""The back-fill, told in order: a repository's whole history becomes observations."""

from __future__ import annotations

from flows.refresh import keep_versions, load_source
from tasks.run import Run
from tasks.steps import Steps


def backfill(run: Run, steps: Steps) -> None:
    """Make the warehouse what it would be had it read every commit, then publish."""
    for place in run.settings.sources:
        seen = load_source(run, steps, place)
        keep_versions(run, steps, steps.whole_history(run, place, seen))
        steps.finish_source(run, seen)
    steps.publish(run)
