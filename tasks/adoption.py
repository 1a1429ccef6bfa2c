"""What the WARC files hold and the warehouse does not, put on record.

That is what a killed run left in a file that is still open, and after the loss of the
working file, whatever runs captured since the state that took its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.captures import CaptureDamaged, find_files, read_rows, salvage_rows
from tasks.files import OPEN, sync_folder
from tasks.models import CacheFault, Capture, ImageResult, KeptImage
from tasks.rows import (
    capture_table,
    image_table,
    lead_image_table,
    lost_image_table,
)
from tasks.warehouse.working import Warehouse

BATCH_ROWS = 1_000
Rows = Iterable[Capture | ImageResult]


def adopt_file(path: Path, warehouse: Warehouse) -> str:
    """Put every row that *path* holds on record, and give the file its own name.

    A record that is torn at its end is cut off. What lies behind a damaged record is
    left alone, since rows may name it. Returns a line on what was done.
    """
    name = path.name.removesuffix(OPEN)
    rows: list[Capture | ImageResult] = []
    end, adopted, damage = 0, _Adopted(path.parents[1], warehouse), ""
    try:
        for end, found in read_rows(path):  # noqa: B007 - where the last record ends
            rows += found
            if len(rows) >= BATCH_ROWS:
                adopted.put(rows)
                rows.clear()
    except CaptureDamaged as error:
        damage = f", and it is damaged: {error}"
    adopted.put(rows)
    torn_bytes = 0 if damage else _cut(path, end)
    if end or damage:
        path.rename(path.with_name(name))
    else:
        path.unlink()  # not even its first record was whole
    sync_folder(path.parent)
    torn = f", {torn_bytes:,} bytes of a torn record cut off" if torn_bytes else ""
    return (
        f"{name} was left open by a run that was killed: {adopted.line}{torn}{damage}"
    )


def adopt_since(number: int, data: Path, warehouse: Warehouse) -> list[str]:
    """Put on record what runs after that *number* captured; return lines on it.

    What is damaged is passed over, and told.
    """
    adopted, lines = _Adopted(data, warehouse), []
    for run, path in find_files(data / "captures"):
        if run > number:
            rows, lost_bytes = salvage_rows(path)
            adopted.put(rows)
            if lost_bytes:
                lines.append(f"{path.name}: {lost_bytes:,} bytes are no whole record")
    warehouse.images.lose_unknown_images()
    return [*lines, f"read again from captures/: {adopted.line}"]


class _Adopted:
    """Puts rows on record and counts those that were not."""

    def __init__(self, data: Path, warehouse: Warehouse) -> None:
        self._data = data
        self._warehouse = warehouse
        self._captures = 0
        self._images = 0

    @property
    def line(self) -> str:
        images = f" and {self._images:,} images" if self._images else ""
        return f"{self._captures:,} captures{images} adopted"

    def put(self, rows: Rows) -> None:
        rows = list(rows)
        captures = [row for row in rows if isinstance(row, Capture)]
        self._captures += self._warehouse.pages.put_captures(capture_table(captures))
        for results in _each_once(r for r in rows if isinstance(r, ImageResult)):
            self._put_images(results)

    def _put_images(self, results: list[ImageResult]) -> None:
        """Note how images ended; one whose file is not in the cache is due again."""
        warehouse, moment = self._warehouse, results[0].checked_at
        warehouse.images.put_lead_images(
            lead_image_table(r.url for r in results), moment
        )
        warehouse.images.put_images(image_table(results))
        lost = [
            CacheFault("missing", result.path, KeptImage(result.path, None, "", 0))
            for result in results
            if result.path and not (self._data / result.path).is_file()
        ]
        if lost:
            warehouse.images.lose_images(lost_image_table(lost))
        self._images += len(results)


def _each_once(results: Iterable[ImageResult]) -> Iterator[list[ImageResult]]:
    """Cut results into lots, in their order, so that no image is in a lot twice."""
    lot: dict[object, ImageResult] = {}
    for result in results:
        if result.image_id in lot or len(lot) == BATCH_ROWS:
            yield list(lot.values())
            lot = {}
        lot[result.image_id] = result
    if lot:
        yield list(lot.values())


def _cut(path: Path, end: int) -> int:
    """Cut the file off at *end*; return by how many bytes."""
    torn_bytes = path.stat().st_size - end
    if torn_bytes:
        with path.open("rb+") as file:
            file.truncate(end)
            os.fsync(file.fileno())
    return torn_bytes
