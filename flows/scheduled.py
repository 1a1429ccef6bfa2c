"""The flows as Prefect runs and shows them; what they do is told in `refresh.py`."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler
from prefect.runtime import flow_run

from flows.progress import Lines
from flows.refresh import refresh as tell_refresh
from tasks.run import IncompleteError, Job, open_run
from tasks.settings import load_settings
from tasks.snapshots import PUBLISHED
from tasks.steps import prefect_steps
from tasks.summary import summary_markdown
from tasks.warehouse import open_published

Mode = Literal["incremental", "full", "retry_failed"]
# What the command line asks for in this process; a deployment's run has its parameters.
asked: ContextVar[Job | None] = ContextVar("asked", default=None)


def _run_name() -> str:
    """Name a run by what it reads: `refresh · powerapps, azure`."""
    given = flow_run.parameters.get("sources") or []
    job = asked.get()
    names = [place.label for place in job.settings.sources] if job else given
    return " · ".join(filter(None, ("refresh", ", ".join(names)[:80])))


@flow(name="refresh", flow_run_name=_run_name, log_prints=True)
def refresh(
    mode: Mode = "incremental",
    *,
    with_pages: bool = True,
    with_images: bool = True,
    sources: list[str] | None = None,
) -> dict[str, Any]:
    """Read what changed, fetch what is due, keep its images, publish the result.

    Settings come from `wirehouse.toml` and the environment of the worker; *sources*
    replaces the configured ones. A run that could not read one of them fails, after it
    has done all the rest.
    """
    job = asked.get() or _job(mode, sources or [])
    job = replace(job, with_pages=with_pages, with_images=with_images)
    with open_run(_in_flow(job)) as run:
        tell_refresh(run, prefect_steps())
        summary = run.summary()
    _create_artifacts(job.settings.data / PUBLISHED, summary)
    if summary["unread"]:
        raise IncompleteError(summary["unread"], summary)
    return summary


def flush() -> None:
    """Bring logs and events to the server, so that it can be stopped."""
    APILogHandler().flush()
    EventsWorker.drain_all()


def _job(mode: Mode, sources: list[str]) -> Job:
    overrides = {"sources": sources} if sources else {}
    settings, _ = load_settings(Path.cwd(), overrides)
    return Job(settings, full=mode == "full", retry_failed=mode == "retry_failed")


def _in_flow(job: Job) -> Job:
    """Let each line be seen by whoever asked, and be a log line of the flow run."""

    def say(line: str) -> None:
        print(line)  # noqa: T201 - `log_prints` makes a log line of it
        if asked.get() is not None:
            job.say(line)

    lines = Lines(print)

    def progress(stage: str, done: int, total: int) -> None:
        lines(stage, done, total)
        job.progress(stage, done, total)

    return replace(job, say=say, progress=progress, flow_run_id=UUID(flow_run.id))


def _create_artifacts(published: Path, summary: Mapping[str, Any]) -> None:
    with open_published(published) as warehouse:
        failures = warehouse.rows("report/failures")
    create_markdown_artifact(
        summary_markdown(summary, failures),
        key="summary",
        description="What the run did, and what stands in its way",
    )
    create_table_artifact(
        failures,
        key="failures",
        description="Pages, images and files that could not be had or taken",
    )
