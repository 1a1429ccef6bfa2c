"""The same flows without Prefect: for cron, for tests, for looking closely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tasks.run import Job, Run, open_run
from tasks.steps import Steps, plain_steps

Story = Callable[[Run, Steps], None]


def run_direct(story: Story, job: Job) -> dict[str, Any]:
    """Tell *story* in this process and return the run's summary."""
    with open_run(job) as run:
        story(run, plain_steps())
        if run.status == "running":  # a stage alone, which publishes nothing
            run.finish("unpublished")
        return run.summary()
