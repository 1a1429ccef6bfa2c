"""Files of captures that a killed run left open, taken over by the next one."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.captures import CaptureDamaged, read_rows
from tasks.files import OPEN, sync_folder
from tasks.models import Capture
from tasks.rows import capture_table
from tasks.warehouse import Warehouse

BATCH_ROWS = 1_000


def adopt_file(path: Path, warehouse: Warehouse) -> str:
    """Put every capture that *path* holds on record, and give the file its own name.

    A record that is torn at its end is cut off. What lies behind a damaged record is
    left alone, since rows may name it. Returns a line on what was done.
    """
    name = path.name.removesuffix(OPEN)
    rows: list[Capture] = []
    end, adopted, damage = 0, 0, ""
    try:
        for end, found in read_rows(path):  # noqa: B007 - where the last record ends
            rows += found
            if len(rows) >= BATCH_ROWS:
                adopted += warehouse.put_captures(capture_table(rows))
                rows.clear()
    except CaptureDamaged as error:
        damage = f", and it is damaged: {error}"
    adopted += warehouse.put_captures(capture_table(rows))
    torn_bytes = 0 if damage else _cut(path, end)
    if end or damage:
        path.rename(path.with_name(name))
    else:
        path.unlink()  # not even its first record was whole
    sync_folder(path.parent)
    torn = f", {torn_bytes:,} bytes of a torn record cut off" if torn_bytes else ""
    return (
        f"{name} was left open by a run that was killed: {adopted:,} captures adopted"
        f"{torn}{damage}"
    )


def _cut(path: Path, end: int) -> int:
    """Cut the file off at *end*; return by how many bytes."""
    torn_bytes = path.stat().st_size - end
    if torn_bytes:
        with path.open("rb+") as file:
            file.truncate(end)
            os.fsync(file.fileno())
    return torn_bytes
