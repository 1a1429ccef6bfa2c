"""Runs that fetch and kill themselves at named points, as a power cut would.

Started by the tests as a program of its own: `killed_fetch.py FOLDER ADDRESS`, FOLDER
holding a hub and its data, ADDRESS being the whole web. Each line that it reads names a
point; it answers with the status of a run that was to die there.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flows.direct import run_direct
from flows.refresh import read_sources
from tasks import adoption, captures
from tasks.captures import CaptureWriter
from tasks.files import sync_folder
from tasks.rows import capture_table
from tasks.run import Job, Run
from tasks.settings import FetchSettings, Settings, SourceSettings
from tasks.stages import articles, pages, sources
from tasks.steps import Steps
from tasks.warehouse.pages import PageTables
from tasks.web import fetcher
from tests.faults.killed_run import after, before, die

PRELOADED = (articles, sources, fetcher)  # so that no run need import them
FETCH: dict[str, Any] = {
    "per_host_delay_seconds": 0.0,
    "attempts": 1,
    "fallbacks": (),
    "rest_after_failures": 99,
}
ADOPTION = "adoption"  # before anything is asked for
# Bodies are of a few hundred bytes: so each run fills several files.
ROTATE_BYTES = 6_000


def half_a_record(writer: CaptureWriter, record: bytes) -> None:
    """Die in the middle of writing."""
    assert writer._file is not None
    writer._file.write(record[: len(record) // 2])
    die()


def uncommitted(tables: PageTables, rows: Any) -> None:
    """Die when rows are loaded and not committed."""
    tables._warehouse._execute("begin")
    put_captures(tables, rows)
    die()


put_captures = PageTables.put_captures
write = CaptureWriter._write
rename = CaptureWriter._rename
POINTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "a file begun": (CaptureWriter, "_begin", after(CaptureWriter._begin)),
    "half a record": (CaptureWriter, "_write", before(write, 9, half_a_record)),
    "answers written, rows not": (
        CaptureWriter, "note", before(CaptureWriter.note, 4),
    ),
    "rows written, not synced": (
        CaptureWriter, "flush", before(CaptureWriter.flush),
    ),
    "synced, not in the table": (
        PageTables, "put_captures", before(put_captures),
    ),
    "in the table, not committed": (PageTables, "put_captures", uncommitted),
    "in the table, file still open": (
        CaptureWriter, "settle", before(CaptureWriter.settle),
    ),
    "a full file ended, not renamed": (
        CaptureWriter, "_rename", before(rename),
    ),
    "one of the full files renamed": (CaptureWriter, "_rename", after(rename)),
    "adoption: rows read": (adoption, "capture_table", before(capture_table)),
    "adoption: rows in the table": (PageTables, "put_captures", after(put_captures)),
    "adoption: cut off": (adoption, "_cut", after(adoption._cut)),
    "adoption: renamed": (adoption, "sync_folder", before(sync_folder)),
    "all captured, books open": (pages, "finish_pages", after(pages.finish_pages)),
}  # fmt: skip


def set_up(point: str) -> None:
    """Make the run die at *point*."""
    owner, name, replacement = POINTS[point]
    setattr(owner, name, replacement)


def just_fetch(run: Run, steps: Steps, point: str) -> None:
    """Refresh without reading pages and publishing, which others are tested for."""
    read_sources(run, steps)
    if point and not point.startswith(ADOPTION):
        set_up(point)
    for batch in steps.due_pages(run):
        steps.fetch_pages(run, batch)
    steps.finish_pages(run)
    run.finish("complete")


def settings_of(folder: Path, address: str) -> Settings:
    """Return the settings of a run on the hub in *folder*."""
    place = SourceSettings(location=str(folder / "hub"), name="hub")
    fetch = FetchSettings(**FETCH, connect_to={"*": address})
    return Settings(sources=(place,), data=folder / "data", fetch=fetch)


def run_until(folder: Path, address: str, point: str) -> None:
    """Run until it dies, or to the end where *point* is empty."""
    pages.PUT_SECONDS = 0.05  # several transactions in each run
    if point.startswith(ADOPTION):
        set_up(point)
    small_files = partial(CaptureWriter, rotate_bytes=ROTATE_BYTES)
    setattr(captures, "CaptureWriter", small_files)  # noqa: B010 - for mypy
    job = Job(settings_of(folder, address), with_images=False, say=lambda _: None)
    run_direct(partial(just_fetch, point=point), job)


def main(folder: Path, address: str) -> None:
    """Answer each line with the status of a run, in a process of its own."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                run_until(folder, address, line.strip())
            except BaseException:  # noqa: BLE001 - or it would read the next line
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
