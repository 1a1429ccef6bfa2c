"""A refresh as a Prefect flow run in this process, with somebody waiting for it."""

from __future__ import annotations

from typing import Any

from flows.serve import prefect_server
from tasks.run import IncompleteError, Job


def run_attended(job: Job) -> dict[str, Any]:
    """Run the refresh flow against the server at hand, or one of its own."""
    with prefect_server(job.settings.data):
        # Only now: Prefect reads its settings from the environment when imported.
        from flows import scheduled  # noqa: PLC0415

        token = scheduled.asked.set(job)
        try:
            return dict(
                scheduled.refresh(
                    mode=_mode(job),
                    with_pages=job.with_pages,
                    with_images=job.with_images,
                )
            )
        except IncompleteError as error:
            if error.summary is None:
                raise
            return error.summary
        finally:
            scheduled.asked.reset(token)
            scheduled.flush()


def _mode(job: Job) -> Any:
    if job.full:
        return "full"
    return "retry_failed" if job.retry_failed else "incremental"
