"""A back-fill that kills itself at a named point, as a power cut would.

Started by the tests as a program of its own: `killed_backfill.py FOLDER POINT`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from flows.backfill import backfill
from tasks.stages import history
from tasks.warehouse.history import HistoryTables
from tests.faults.killed_run import after, before
from tests.past import Past

POINTS: dict[str, tuple[Any, str, Any]] = {
    "nothing is read yet": (
        history, "whole_history", before(history.whole_history),
    ),
    "versions kept, not committed": (
        HistoryTables, "put_versions", after(HistoryTables.put_versions, 3),
    ),
    "some batches committed": (
        history, "read_versions", after(history.read_versions, 2),
    ),
    "files of old loaded, and not gone yet": (
        history, "_load", after(history._load),
    ),
    "observed, not committed": (
        HistoryTables, "put_history", before(HistoryTables.put_history),
    ),
    "observed, not published": (
        history, "finish_versions", after(history.finish_versions),
    ),
}  # fmt: skip


def main(folder: Path, point: str) -> None:
    """Back-fill until it dies."""
    history.BATCH_VERSIONS = 3
    owner, name, replacement = POINTS[point]
    setattr(owner, name, replacement)
    Past(folder).tell(backfill)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
