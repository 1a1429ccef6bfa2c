"""What a flow run leaves in the Prefect UI: its summary, tables, and bars that move."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, Self, cast
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from tasks.snapshots import PUBLISHED, find_snapshots
from tasks.summary import broken_markdown, outcome_words, summary_markdown
from tasks.warehouse.published import open_published

UPDATE_SECONDS = 2.0  # between two moves of a bar: each is a request of some 20 ms
END_SECONDS = 5.0  # for what is still to be shown when a run is over
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
    """A bar for each stage, in the UI, moved by a thread of its own.

    So a run never waits for a server that is busy, or away: Prefect's client tries
    again for a minute.
    """

    def __init__(self, pause: float = UPDATE_SECONDS) -> None:
        self._pause = pause
        self._bars: dict[int, UUID] = {}  # by the number of the stage
        self._latest: dict[int, tuple[str, int, int]] = {}  # not shown yet
        self._stage = 0
        self._is_over = threading.Event()
        # In the context of the flow run, whose bars they are.
        moving = partial(copy_context().run, self._move)
        self._thread = threading.Thread(target=moving, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Show how far all is; leave that to itself where it takes too long."""
        self._is_over.set()
        self._thread.join(END_SECONDS)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note how far *stage* is; a stage of nothing has no bar."""
        if not done:
            self._stage += 1
        else:
            self._latest[self._stage] = stage, done, total

    def _move(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._is_over.wait(self._pause)
            for number in tuple(self._latest):
                # Whatever is wrong with a bar, it is nothing that matters to a run.
                with suppress(Exception):
                    self._show(number, *self._latest.pop(number))

    def _show(self, number: int, stage: str, done: int, total: int) -> None:
        share, words = 100 * done / total, f"{stage}: {done:,} of {total:,}"
        if number in self._bars:
            update_progress_artifact(self._bars[number], share, description=words)
        else:
            key = stage.replace(" ", "-")
            bar = create_progress_artifact(share, key=key, description=words)
            self._bars[number] = cast("UUID", bar)
