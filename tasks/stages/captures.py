"""A step on the captures themselves: can each be read back as it was received."""

from __future__ import annotations

from tasks.captures import CaptureDamaged, read_capture
from tasks.models import Rejection
from tasks.rows import rejection_table
from tasks.run import Run


def verify_captures(run: Run) -> None:
    """Read every capture back; one that is damaged is a rejection until it is not."""
    kept = run.warehouse.kept_captures()
    run.begin("verifying captures", len(kept))
    rejections, ids = [], []
    for capture in kept:
        try:
            read_capture(run.data / "captures", capture.place)
        except CaptureDamaged as error:
            reason, detail = "the capture is damaged", str(error)
            rejections.append(Rejection("capture", capture.url, reason, detail))
            ids.append(capture.capture_id)
            run.say(f"{reason}: {detail}")
        run.advance()
    books = rejection_table(rejections, ids)
    run.warehouse.put_damaged_captures(books, run.run_id, run.moment)
    run.counts["verified"] += len(kept)
    run.counts["damaged"] += len(rejections)
    run.say(f"{len(kept):,} captures verified; {len(rejections):,} damaged")
