"""The flows as Prefect runs and shows them; what they do is told in `refresh.py`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from cronsim import CronSim
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Crashed, Failed
from pydantic import BaseModel, Field

from flows.artifacts import Bars, leave_artifacts, leave_reason
from flows.backfill import backfill as tell_backfill
from flows.backfill import with_history
from flows.console import no_sources
from flows.course import Course, asked, taken
from flows.direct import Story
from flows.heartbeats import heartbeats
from flows.progress import Lines
from flows.refresh import read_every_page
from flows.refresh import refresh as tell_refresh
from flows.refresh import verify as tell_verify
from tasks.lock import LockHeldError
from tasks.publish import AuditError
from tasks.run import BrokenError, IncompleteError, Job, open_run
from tasks.settings import Settings, SettingsError, load_settings
from tasks.sources.location import SourceError
from tasks.sources.selection import printable
from tasks.steps import prefect_steps
from tasks.summary import summary_line
from tasks.warehouse.engine import WarehouseError

# What ends a run for a reason that one line can tell; anything else is a bug.
BROKEN = (
    AuditError, BrokenError, IncompleteError, OSError, SettingsError, SourceError,
    WarehouseError,
)  # fmt: skip
Mode = Literal["incremental", "full", "retry_failed"]
Answer = State[Any]  # with the run's summary, or why there is none


class RefreshOptions(BaseModel):
    """What a refresh reads, and what it asks the network for."""

    mode: Mode = Field(
        "incremental",
        title="Mode",
        description="incremental: what changed and what is due; full: read unchanged"
        " files, too; retry_failed: ask again for all that failed",
    )
    with_pages: bool = Field(
        default=True, title="Fetch pages", description="fetch linked pages that are due"
    )
    with_images: bool = Field(
        default=True, title="Fetch images", description="fetch images that are due"
    )
    sources: list[str] = Field(
        default_factory=list,
        title="Sources",
        description="names or locations; none: all that are configured",
    )


class BackfillOptions(BaseModel):
    """What a back-fill reads."""

    sources: list[str] = Field(
        default_factory=list,
        title="Sources",
        description="git sources, by name or location; none: all that are configured",
    )


EVERYTHING_DUE, EVERY_HISTORY = RefreshOptions(), BackfillOptions()


def _run_name() -> str:
    """Name a run by what it reads: `refresh · powerapps, azure`."""
    job = asked.get()
    if job is not None:
        return _title(job.settings)
    options = flow_run.parameters.get("options")
    try:
        return _title(_settings(options.sources if options else []))
    except SettingsError:  # which the run itself will tell of
        return str(flow_run.flow_name)


@flow(name="refresh", flow_run_name=_run_name, log_prints=True)
def refresh(options: RefreshOptions = EVERYTHING_DUE) -> Answer:
    """Read what changed, fetch what is due, keep its images, publish the result.

    Settings come from `wirehouse.toml` and the environment of the worker. A run that
    could not read one of its sources fails, after it has done all the rest.
    """

    def job() -> Job:
        settings = _settings(options.sources)
        if not settings.sources:
            raise SourceError(no_sources())
        return Job(
            settings,
            full=options.mode == "full",
            retry_failed=options.mode == "retry_failed",
            with_pages=options.with_pages,
            with_images=options.with_images,
        )

    return _tell(tell_refresh, job)


@flow(name="backfill", flow_run_name=_run_name, log_prints=True)
def backfill(options: BackfillOptions = EVERY_HISTORY) -> Answer:
    """Read the whole history of git sources: what could be seen of a file, and when.

    It may be ended anywhere, and goes on from there; twice changes nothing.
    """

    def job() -> Job:
        named = bool(options.sources)
        return Job(with_history(_settings(options.sources), named=named))

    return _tell(tell_backfill, job)


@flow(name="reextract", log_prints=True)
def reextract() -> Answer:
    """Read all captured pages again, without the network."""
    return _tell(read_every_page, lambda: Job(_settings([])))


@flow(name="verify", log_prints=True)
def verify() -> Answer:
    """Read all cached images and captures back, hold all rows against their rules.

    What is damaged is told; an image that is lost is asked for by the next refresh.
    """
    return _tell(tell_verify, lambda: Job(_settings([]), full=True))


# Of a task that is tried again the step tells, in a line that can be read.
_NOISE = ("Finished in state", "Beginning flow run", "Task run failed with")


def _is_told(record: logging.LogRecord) -> bool:
    """Keep what Prefect says of itself at each step out of the log of a run.

    Its last line of a failed run is told with "NoneType: None", an error that is none.
    """
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return not str(record.msg).startswith(_NOISE)


for _name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(_is_told)


def _settings(sources: Sequence[str]) -> Settings:
    overrides = {"sources": list(sources)} if sources else {}
    return load_settings(Path.cwd(), overrides)[0]


def _tell(story: Story, deployed: Callable[[], Job]) -> Answer:
    """Tell a story as this flow run; what another run does already is left to it.

    The job is the one that was asked for in this process, else what was *deployed*.
    """
    with heartbeats(str(flow_run.id)):
        return _told(story, deployed)


def _told(story: Story, deployed: Callable[[], Job]) -> Answer:
    course = taken.get(Course())
    course.has_begun = True
    try:
        job = asked.get() or deployed()
        if asked.get() is None and (reason := _overtaken(job.settings, job.moment)):
            return Cancelled(message=reason)
        # Of a tag of its own, a task asks the server for a limit before it starts.
        no_tags = TagsContext(current_tags=set())
        with no_tags, Bars() as bars, open_run(_in_flow(job, bars)) as run:
            _bury(run.warehouse.killed_flow_runs)
            story(run, prefect_steps())
            summary = run.summary()
    except LockHeldError as error:
        course.error = error
        if asked.get() is not None:
            raise
        return Cancelled(message=f"skipped: {error}")
    except BROKEN as error:
        course.error = error
        return _broken(error, course)
    course.summary = summary
    if course.wait_until_heard():
        _show(job, course, summary)
    if summary["unread"]:
        return _failed(IncompleteError(summary["unread"], summary))
    return Completed(message=summary_line(summary), data=summary)


def _show(job: Job, course: Course, summary: dict[str, Any]) -> None:
    """Leave artifacts and a name that says what came of it.

    What is published is, whatever the server makes of that.
    """
    try:
        outcome = leave_artifacts(job.settings.data, flow_run.flow_name, summary)
        _rename(f"{_title(job.settings)} · {outcome}")
    except Exception as error:  # noqa: BLE001 - a client has many, none of them ours
        print(f"warning: this page lacks the summary of the run: {error}")  # noqa: T201
        course.lose_patience()


def _broken(error: Exception, course: Course) -> State[Any]:
    """End the run by the one line that says why."""
    if not course.wait_until_heard():
        return _failed(error)
    if isinstance(error, AuditError):
        us = {"prefect.resource.id": f"prefect.flow-run.{flow_run.id}"}
        emit_event("wirehouse.audit.failed", us, payload={"reason": str(error)})
    try:
        leave_reason(flow_run.flow_name, printable(str(error)))
    except Exception as other:  # noqa: BLE001 - as above; the state says it, too
        print(f"warning: this page lacks the summary of the run: {other}")  # noqa: T201
        course.lose_patience()
    return _failed(error)


def _failed(error: Exception) -> State[Any]:
    reason = printable(str(error))
    get_run_logger().error("failed: %s", reason)
    return Failed(message=" ".join(reason.split()), data=error)


def _title(settings: Settings) -> str:
    names = [printable(place.short) for place in settings.sources]
    what = ", ".join(names) if len(names) <= 2 else f"{len(names)} sources"
    return " · ".join(filter(None, (flow_run.flow_name, what[:80])))


def _overtaken(settings: Settings, now: datetime) -> str | None:
    """Say why a scheduled run has nothing to do: the one after it is due, too.

    So a server or worker that was away does not make up for every hour it missed.
    """
    if "auto-scheduled" not in flow_run.tags:
        return None
    due = flow_run.scheduled_start_time
    is_verify = flow_run.flow_name == "verify"
    cron = settings.verify_schedule if is_verify else settings.schedule
    following = next(CronSim(cron, due.astimezone(settings.zone)))
    if following > now:
        return None
    return f"skipped: was due at {due:%Y-%m-%d %H:%M} UTC, and the next one is, too"


def _bury(flow_runs: Sequence[UUID]) -> None:
    """Tell the server that runs were killed which it may take for running."""
    if not flow_runs:
        return
    crashed: State[Any] = Crashed(message="it was killed; another run went on from it")
    try:
        with get_client(sync_client=True) as client:
            for flow_run_id in flow_runs:
                with suppress(ObjectNotFound):
                    state = client.read_flow_run(flow_run_id).state
                    if state is None or not state.is_final():
                        client.set_flow_run_state(flow_run_id, crashed, force=True)
    except Exception as error:  # noqa: BLE001 - a client has many, none of them ours
        print(f"warning: runs that were killed are not marked so: {error}")  # noqa: T201


def _rename(name: str) -> None:
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.id), name=name)


def _in_flow(job: Job, bars: Bars) -> Job:
    """Let each line be seen by whoever asked, and be a log line of the flow run."""

    def say(line: str) -> None:
        # `log_prints` makes a log line of it, which a server must be able to keep.
        print(printable(line))  # noqa: T201
        if asked.get() is not None:
            job.say(line)

    lines = Lines(print)

    def progress(stage: str, done: int, total: int) -> None:
        lines(stage, done, total)
        bars(stage, done, total)
        job.progress(stage, done, total)

    return replace(job, say=say, progress=progress, flow_run_id=UUID(flow_run.id))
