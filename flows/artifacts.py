"""What a flow run leaves in the Prefect UI: its summary, tables, and bars that move."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from tasks.snapshots import PUBLISHED, find_snapshots
from tasks.summary import broken_markdown, outcome_words, summary_markdown
from tasks.warehouse import open_published

UPDATE_SECONDS = 1.0  # between two moves of a bar: each is a request of some 20 ms
# Each table: its key, the statement that fills it, and what it holds.
TABLES = (
    ("failures", "Pages, images and files that could not be had or taken"),
    ("rejections", "Inputs that stand rejected, with line and reason"),
    ("repairs", "How texts were mended, by rule"),
    ("audits", "What was held against the whole warehouse"),
)
Row = Mapping[str, Any]


def leave_artifacts(data: Path, story: str, summary: Row) -> str:
    """Leave what a published run did; return in a few words what it changed."""
    states = list(find_snapshots(data).values())
    earlier = states[-2] if len(states) > 1 else None
    with open_published(data / PUBLISHED, earlier=earlier) as warehouse:
        changes = warehouse.rows("diff") if earlier else None
        runs = warehouse.rows("report/runs")[:6]
        tables = {key: warehouse.rows(f"report/{key}") for key, _ in TABLES}
    _leave_summary(summary_markdown(story, summary, runs, changes, tables["failures"]))
    for key, description in TABLES:
        rows = [_plain(row) for row in tables[key]]
        create_table_artifact(rows, key=key, description=description)
    return outcome_words(summary, changes)


def leave_reason(story: str, reason: str) -> None:
    """Leave why a run is broken, and what to do."""
    _leave_summary(broken_markdown(story, reason))


def _leave_summary(text: str) -> None:
    create_markdown_artifact(
        text,
        key="summary",
        description="What the run did, and what stands in its way",
    )


def _plain(row: Row) -> dict[str, Any]:
    """Make of a row what JSON can hold."""
    return {
        name: value if isinstance(value, int | str) or value is None else str(value)
        for name, value in row.items()
    }


class Bars:
    """A bar for each stage, in the UI; it goes on where the server is away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = ""
        self._bar: UUID | None = None
        self._moved_at = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Begin, move or end the bar of *stage*; a stage of nothing has none."""
        if stage != self._stage or not done:
            self._stage, self._bar, self._moved_at = stage, None, 0.0
        now = self._clock()
        if not done or (done < total and now - self._moved_at < UPDATE_SECONDS):
            return
        self._moved_at = now
        share, words = 100 * done / total, f"{stage}: {done:,} of {total:,}"
        # Whatever is wrong with a bar, it is nothing that a run should end for.
        with suppress(Exception):
            if self._bar is None:
                key = stage.replace(" ", "-")
                bar = create_progress_artifact(share, key=key, description=words)
                self._bar = cast("UUID", bar)
            else:
                update_progress_artifact(self._bar, share, description=words)
