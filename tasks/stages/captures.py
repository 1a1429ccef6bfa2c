"""Steps on the WARC files themselves: can every capture be read back."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.captures import CaptureDamaged, check_capture
from tasks.models import KeptCapture
from tasks.rows import lost_capture_table
from tasks.run import Run


def verify_captures(run: Run) -> None:
    """Read every capture that a row names; a page whose capture is damaged is due."""
    kept = run.warehouse.kept_captures()
    run.begin("verifying captures", len(kept))
    damaged = lose_damaged(run, kept)
    run.say(f"{len(kept):,} captures verified, {damaged:,} damaged")


def lose_damaged(run: Run, kept: Iterable[KeptCapture]) -> int:
    """Let go of captures that are not as they were written; return how many."""
    lost = []
    for capture in kept:
        run.advance()
        try:
            check_capture(
                run.data / "captures",
                capture.place,
                max_bytes=run.settings.fetch.max_bytes,
            )
        except CaptureDamaged as error:
            run.say(f"the capture of {capture.url} is damaged: {error}")
            lost.append(capture.capture_id)
    run.warehouse.lose_captures(lost_capture_table(lost), run.moment)
    return len(lost)
