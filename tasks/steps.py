"""The plug board: the rooms' functions under the names that the flows use.

`plain_steps` are the functions themselves, `prefect_steps` the same as Prefect tasks.
Nothing is computed here, and a room is imported when its step is first taken: a run
without pages and images pays for neither.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from types import ModuleType
from typing import Any

from tasks.imports import for_good
from tasks.sources.selection import printable
from tasks.values import dataclass

Step = Callable[..., Any]

# Seconds before the second and the third try, by a random share more or less, so that
# many runs do not come back to a server at once.
RETRY_SECONDS = [2.0, 8.0]
RETRY_JITTER = 0.5


@dataclass(frozen=True, slots=True)
class Plug:
    """Where a step's function is, and how a task of it is named.

    *title* is formatted with the step's arguments after the run: `{0}`, or `{count}`
    for the length of the last one.
    """

    room: str
    title: str
    is_retried: bool = False  # by Prefect, where another machine fails


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of all flows, in the order in which a refresh takes them."""

    list_source: Step
    load_files: Step
    new_versions: Step
    whole_history: Step
    read_versions: Step
    finish_versions: Step
    finish_source: Step
    note_unread: Step
    due_pages: Step
    fetch_pages: Step
    finish_pages: Step
    due_extractions: Step
    read_pages: Step
    link_pages: Step
    note_lead_images: Step
    end_rereading: Step
    due_images: Step
    fetch_images: Step
    finish_images: Step
    verify_captures: Step
    verify_images: Step
    unnamed_images: Step
    remove_unnamed: Step
    publish: Step


PLUGS = {
    "list_source": Plug(
        "tasks.stages.sources", "look for changes in {0.short}", is_retried=True
    ),
    "load_files": Plug("tasks.stages.articles", "load {count} files of {0.short}"),
    "new_versions": Plug(
        "tasks.stages.history", "look for versions in {0.source.short}"
    ),
    "whole_history": Plug(
        "tasks.stages.history", "look for all versions in {0.source.short}"
    ),
    "read_versions": Plug("tasks.stages.history", "read {count} versions"),
    "finish_versions": Plug("tasks.stages.history", "observe {0.source.short}"),
    "finish_source": Plug("tasks.stages.sources", "finish {0.source.short}"),
    "note_unread": Plug("tasks.stages.sources", "leave {0.short} as it was"),
    "due_pages": Plug("tasks.stages.pages", "look for pages that are due"),
    "fetch_pages": Plug("tasks.stages.pages", "fetch {count} pages"),
    "finish_pages": Plug("tasks.stages.pages", "wait for pages under way"),
    "due_extractions": Plug("tasks.stages.pages", "look for captures to read"),
    "read_pages": Plug("tasks.stages.pages", "read {count} captures"),
    "link_pages": Plug("tasks.stages.pages", "link pages to articles"),
    "note_lead_images": Plug("tasks.stages.images", "look for images of pages"),
    "end_rereading": Plug("tasks.stages.pages", "end reading all captures"),
    "due_images": Plug("tasks.stages.images", "look for images that are due"),
    "fetch_images": Plug("tasks.stages.images", "fetch {count} images"),
    "finish_images": Plug("tasks.stages.images", "wait for images under way"),
    "verify_captures": Plug("tasks.stages.captures", "verify the captures"),
    "verify_images": Plug("tasks.stages.imagecache", "verify the image cache"),
    "unnamed_images": Plug("tasks.stages.imagecache", "look for files without a row"),
    "remove_unnamed": Plug("tasks.stages.imagecache", "remove {count} files"),
    "publish": Plug("tasks.publish", "publish"),
}


def plain_steps() -> Steps:
    """Return the steps as plain functions, for a run without Prefect."""
    return Steps(**{field.name: _function(field.name) for field in fields(Steps)})


def prefect_steps() -> Steps:
    """Return the steps as Prefect tasks, to be called within a flow."""
    return Steps(**{field.name: _task(field.name) for field in fields(Steps)})


def _function(name: str) -> Step:
    def step(*arguments: Any, **options: Any) -> Any:
        return getattr(_room(name), name)(*arguments, **options)

    return step


@cache
def _room(name: str) -> ModuleType:
    """Import the room of a step, without a search for cycles among what stays."""
    with for_good():
        return importlib.import_module(PLUGS[name].room)


class _Box:
    """Arguments that Prefect hands on unseen: it would walk through every value."""

    def __init__(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.arguments = arguments
        self.options = options
        self.error: Exception | None = None  # which the task's state tells of


def _task(name: str) -> Step:
    from prefect import task  # noqa: PLC0415 - a direct run never imports Prefect
    from prefect.cache_policies import NO_CACHE  # noqa: PLC0415
    from prefect.runtime import task_run  # noqa: PLC0415
    from prefect.states import Failed  # noqa: PLC0415

    from tasks.publish import AuditError  # noqa: PLC0415 - as above
    from tasks.run import BrokenError  # noqa: PLC0415
    from tasks.sources.location import (  # noqa: PLC0415
        SourceError,
        UnreachableError,
    )
    from tasks.warehouse.engine import WarehouseError  # noqa: PLC0415

    function = _function(name)

    def may_pass(_task: Any, _task_run: Any, state: Any) -> bool:
        return isinstance(state.data, UnreachableError)

    @task(
        name=name.replace("_", " "),
        task_run_name="{title}",
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(RETRY_SECONDS) if PLUGS[name].is_retried else 0,
        retry_delay_seconds=RETRY_SECONDS,
        retry_jitter_factor=RETRY_JITTER,
        retry_condition_fn=may_pass,
    )
    def run_step(box: _Box, title: str) -> Any:
        del title
        box.error = None
        try:
            return function(*box.arguments, **box.options)
        except (AuditError, BrokenError, OSError, SourceError, WarehouseError) as error:
            # One line says it all, so the logs need no traceback of it.
            box.error = error
            if isinstance(error, UnreachableError):
                tries = f"try {task_run.run_count} of {1 + len(RETRY_SECONDS)}"
                box.arguments[0].say(f"{error}: {tries}")
            return Failed(message=printable(str(error)), data=error)

    def step(*arguments: Any, **options: Any) -> Any:
        box = _Box(arguments, options)
        result = run_step(box, _title(name, arguments))
        if box.error is not None:
            raise box.error
        return result

    return step


def _title(name: str, arguments: tuple[Any, ...]) -> str:
    last = arguments[-1]
    count = f"{len(last):,}" if hasattr(last, "__len__") else ""
    return printable(PLUGS[name].title.format(*arguments[1:], count=count))
