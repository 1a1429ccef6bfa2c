"""How far a run is: a bar on a terminal, lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows import console
from tasks.run import Progress, Say

if TYPE_CHECKING:
    import rich.progress

LINE_SECONDS = 1.0  # between two lines: what ends sooner needs none
LINES = 100  # of one stage at most, however long it takes


@contextmanager
def shown() -> Iterator[Progress]:
    """Show progress on standard error while inside; what is said stands above it."""
    if not sys.stderr.isatty() or console.err.console.is_dumb_terminal:
        yield Lines(console.say)
        return
    bar = Bar()
    try:
        yield bar
    finally:
        bar.end()


class Bar:
    """A bar for the stage that is under way; what stays of it is nothing."""

    def __init__(self) -> None:
        self._bars: rich.progress.Progress | None = None
        self._task: rich.progress.Task | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Begin, move or end the bar."""
        if not done or done >= total:
            self.end()
        if done >= total:
            return
        if self._task is None:
            self._bars = _bars()
            self._bars.add_task(stage, total=total)
            self._task = self._bars.tasks[0]
            self._bars.start()
        # It draws itself ten times a second, whatever we do; so this may cost nothing.
        self._task.completed = done

    def end(self) -> None:
        """Take the bar away and give the cursor back."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = self._task = None


def _bars() -> rich.progress.Progress:
    from rich import progress  # noqa: PLC0415 - for terminals alone

    return progress.Progress(
        progress.TextColumn("  {task.description}"),
        progress.BarColumn(bar_width=30),
        progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        progress.TimeElapsedColumn(),
        console=console.err.console,
        transient=True,
        # Whoever prints meanwhile does so through the same console, or not at all.
        redirect_stdout=False,
        redirect_stderr=False,
    )


class Lines:
    """A line now and then, while a stage takes its time."""

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._said_at = 0.0
        self._said = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how far *stage* is, unless that was just said or it is at its end."""
        if not done:
            self._said_at, self._said = self._clock(), 0
        if done >= total or (done - self._said) * LINES < total:
            return
        now = self._clock()
        if now - self._said_at >= LINE_SECONDS:
            self._said_at, self._said = now, done
            self._say(f"{stage}: {done:,} of {total:,}")
