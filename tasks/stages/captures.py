"""Steps on the WARC files themselves: can every capture be read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from tasks.captures import DAMAGED, CaptureDamaged, check_capture
from tasks.models import KeptCapture, Rejection
from tasks.rows import lost_capture_table, rejection_table
from tasks.run import Run

SHOWN = 10  # damaged captures that are named at once; `rejections` has all of them


def verify_captures(run: Run) -> None:
    """Read every capture that a row names; a page whose capture is damaged is due."""
    kept = run.warehouse.pages.kept_captures()
    run.begin("verifying captures", len(kept))
    damaged = lose_damaged(run, _counted(run, kept))
    books = rejection_table(list(damaged.values()), list(damaged))
    run.warehouse.pages.put_damaged_captures(books, run.run_id, run.moment)
    run.counts["verified"] += len(kept)
    run.counts["damaged"] += len(damaged)
    run.say(f"{len(kept):,} captures verified, {len(damaged):,} damaged")


def lose_damaged(run: Run, kept: Iterable[KeptCapture]) -> dict[UUID, Rejection]:
    """Let go of captures that are not as they were written; return why, of each."""
    damaged: dict[UUID, Rejection] = {}
    folder, max_bytes = run.data / "captures", run.settings.fetch.max_bytes
    for capture in kept:
        try:
            check_capture(folder, capture.place, max_bytes=max_bytes)
        except CaptureDamaged as error:
            why = Rejection("capture", capture.url, DAMAGED, str(error))
            damaged[capture.capture_id] = why
            if len(damaged) <= SHOWN:
                run.say(f"the capture of {capture.url} is damaged: {error}")
    if len(damaged) > SHOWN:
        more = len(damaged) - SHOWN
        run.say(f"… and {more:,} more captures that are damaged, see rejections")
    run.warehouse.pages.lose_captures(lost_capture_table(list(damaged)), run.moment)
    return damaged


def _counted(run: Run, kept: Iterable[KeptCapture]) -> Iterator[KeptCapture]:
    for capture in kept:
        yield capture
        run.advance()
