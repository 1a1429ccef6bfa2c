"""The scheduled run, told in order. Whoever reads this knows the product."""

from __future__ import annotations

from collections.abc import Callable

from tasks.models import Changes
from tasks.run import IncompleteError, Run
from tasks.settings import SourceSettings
from tasks.sources.location import SourceError
from tasks.stages.sources import file_batches
from tasks.steps import Steps


def refresh(run: Run, steps: Steps) -> None:
    """Read what changed, fetch what is due, keep its images, publish the result."""
    read_sources(run, steps)
    if run.job.with_pages:
        fetch_pages(run, steps)
    if run.job.with_images:
        fetch_images(run, steps)
    steps.publish(run)


def read_sources(run: Run, steps: Steps, *, whole: bool = False) -> None:
    """Load every file that changed since its source was last read to its end.

    With *whole*, all versions of git sources are kept, too. A source that cannot be
    read keeps its last state; the others are read.
    """
    for place in run.settings.sources:
        try:
            read_source(run, steps, place, whole=whole)
        except SourceError as error:
            steps.note_unread(run, place, error)
    if run.unread and len(run.unread) == len(run.settings.sources):
        raise IncompleteError(run.unread)


def read_source(
    run: Run, steps: Steps, place: SourceSettings, *, whole: bool = False
) -> None:
    """Load what changed in one source, to its end."""
    seen = steps.list_source(run, place)
    for files in file_batches(seen):
        steps.load_files(run, seen.source, files)
    if whole or seen.source.kind == "git":
        keep_versions(run, steps, seen, whole=whole)
    steps.finish_source(run, seen)


def keep_versions(run: Run, steps: Steps, seen: Changes, *, whole: bool) -> None:
    """Keep every version that is due, and make observations of them."""
    find = steps.whole_history if whole else steps.new_versions
    history = find(run, seen)
    for versions in history.batches:
        steps.read_versions(run, history, versions)
    steps.finish_versions(run, history)


def fetch_pages(run: Run, steps: Steps) -> None:
    """Capture every page that is due, then read what was captured."""
    for pages in steps.due_pages(run):
        steps.fetch_pages(run, pages)
    steps.finish_pages(run)
    read_pages(run, steps)


def read_pages(run: Run, steps: Steps, *, everything: bool = False) -> None:
    """Make pages of the captures that none was made of; with *everything*, of all."""
    for captures in steps.due_extractions(run, everything=everything):
        steps.read_pages(run, captures)
    steps.link_pages(run)


def fetch_images(run: Run, steps: Steps) -> None:
    """Cache every image that is due."""
    for images in steps.due_images(run):
        steps.fetch_images(run, images)
    steps.finish_images(run)


def verify_images(run: Run, steps: Steps) -> None:
    """Hold the image cache against its rows, then fetch what is due."""
    steps.verify_images(run)
    fetch_images(run, steps)


def verify(run: Run, steps: Steps) -> None:
    """Hold what is stored against its rows, then publish, which audits them.

    An image that is lost is asked for by the next refresh.
    """
    steps.verify_images(run)
    steps.verify_captures(run)
    steps.publish(run)


def prune_images(run: Run, steps: Steps, agree: Callable[[], bool]) -> None:
    """Remove what no row names from the image cache, if somebody agrees."""
    paths = steps.unnamed_images(run)
    if paths and agree():
        steps.remove_unnamed(run, paths)


def read_every_page(run: Run, steps: Steps) -> None:
    """Read every capture again, or go on with it, then publish."""
    read_pages(run, steps, everything=True)
    steps.end_rereading(run)
    steps.publish(run)


def only_publish(run: Run, steps: Steps) -> None:
    """Publish what is loaded."""
    steps.publish(run)
