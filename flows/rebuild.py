"""The rebuild, told in order: a new working file, from what lies on the disk alone."""

from __future__ import annotations

from flows.refresh import read_pages, read_sources
from tasks.run import Run
from tasks.steps import Steps


def rebuild(run: Run, steps: Steps) -> None:
    """Make the warehouse again from sources, captures and image cache, then publish.

    The run has begun a new file and read the captures' rows; nothing is asked for.
    """
    read_sources(run, steps)
    read_pages(run, steps, everything=True)
    steps.end_rereading(run)
    steps.note_lead_images(run)
    steps.verify_images(run)
    steps.publish(run)
