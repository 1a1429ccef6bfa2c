"""The back-fill, told in order: a repository's whole history becomes observations."""

from __future__ import annotations

from flows.refresh import read_sources
from tasks.run import Run
from tasks.steps import Steps


def backfill(run: Run, steps: Steps) -> None:
    """Make the warehouse what it would be had it read every commit, then publish.

    What is current is loaded first, so that history adds only what is no more.
    """
    read_sources(run, steps, whole=True)
    steps.publish(run)
