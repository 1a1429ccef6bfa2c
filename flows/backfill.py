"""The back-fill, told in order: a repository's whole history becomes observations."""

from __future__ import annotations

from dataclasses import replace

from flows.refresh import read_sources
from tasks.run import Run
from tasks.settings import Settings
from tasks.sources.location import NO_HISTORY, SourceError, locate_source
from tasks.stages.sources import check_sources
from tasks.steps import Steps


def backfill(run: Run, steps: Steps) -> None:
    """Make the warehouse what it would be had it read every commit, then publish.

    What is current is loaded first, so that history adds only what is no more.
    """
    read_sources(run, steps, whole=True)
    steps.publish(run)


def with_history(settings: Settings, *, named: bool) -> Settings:
    """Keep the sources that are git repositories.

    Raises `SourceError` if none is, and if one is not that was *named*.
    """
    check_sources(settings.sources)
    places = tuple(p for p in settings.sources if locate_source(p).kind == "git")
    others = [place.label for place in settings.sources if place not in places]
    if others and (named or not places):
        raise SourceError(NO_HISTORY, of=others[0])
    return replace(settings, sources=places)
