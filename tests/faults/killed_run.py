"""A demo that kills itself at a named point, as a power cut would.

Started by the tests as a program of its own: `killed_run.py DATA POINT`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import refresh, verify_images
from tasks import files, publish
from tasks.captures import CaptureWriter
from tasks.imagecache import ImageCache
from tasks.run import Job
from tasks.snapshots import keep_snapshot
from tasks.warehouse.articles import ArticleTables
from tasks.warehouse.images import ImageTables
from tasks.warehouse.pages import PageTables
from tasks.warehouse.working import Warehouse
from tests.hub import MOMENT

Wrap = Callable[..., Any]


def die(*_: object, **__: object) -> None:
    """End as if the power went."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(function: Wrap, count: int = 1, end: Wrap | None = None) -> Wrap:
    """Die instead of the *count*th call, in the way of *end* if there is one."""
    calls = 0

    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            (end or die)(*arguments, **options)
        return function(*arguments, **options)

    return wrapped


def after(function: Wrap, count: int = 1) -> Wrap:
    """Die right after the *count*th call."""
    calls = 0

    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        value = function(*arguments, **options)
        calls += 1
        if calls == count:
            die()
        return value

    return wrapped


def half_a_copy(read: BinaryIO, write: BinaryIO, **_: object) -> None:
    """Die in the middle of copying a file."""
    content = read.read()
    write.write(content[: len(content) // 2])
    write.flush()
    die()


def half_a_file(path: str, content: bytes) -> None:
    """Die in the middle of writing a file."""
    Path(path).write_bytes(content[: len(content) // 2])
    die()


def set_up(point: str) -> None:
    """Make the run die at *point*."""
    original = Warehouse.transaction

    @contextmanager
    def uncommitted(warehouse: Warehouse) -> Any:
        with original(warehouse):
            yield
            die()

    copying = publish._copying

    @contextmanager
    def copied(source: Path, target: Path) -> Any:
        with copying(source, target) as file:
            yield file
        die()

    methods: dict[str, tuple[Any, str, Any]] = {
        "articles loaded, not committed": (
            ArticleTables,
            "put_files",
            after(ArticleTables.put_files),
        ),
        "articles committed": (PageTables, "due_pages", before(PageTables.due_pages)),
        "in the middle of fetching": (
            CaptureWriter,
            "write",
            after(CaptureWriter.write, 12),
        ),
        "captures on disk, not in the table": (
            PageTables,
            "put_captures",
            before(PageTables.put_captures),
        ),
        "captures in the table": (
            PageTables,
            "put_captures",
            after(PageTables.put_captures),
        ),
        "pages loaded, not committed": (Warehouse, "transaction", uncommitted),
        "an image half written": (
            files,
            "_write",
            before(files._write, 7, half_a_file),
        ),
        "images at their paths, their folders not synced": (
            files,
            "sync_folder",
            before(files.sync_folder, 9),
        ),
        "verify: set aside, still in the table": (
            ImageTables,
            "lose_images",
            before(ImageTables.lose_images),
        ),
        "verify: no longer in the table": (
            ImageTables,
            "lose_images",
            after(ImageTables.lose_images),
        ),
        "some images kept": (ImageCache, "keep", after(ImageCache.keep, 5)),
        "images written, not settled": (
            ImageCache,
            "settle",
            before(ImageCache.settle),
        ),
        "images half settled": (
            files,
            "_put_in_place",
            before(files._put_in_place, 9),
        ),
        "images settled, not in the table": (
            ImageCache,
            "settle",
            after(ImageCache.settle),
        ),
        "images in the table": (
            ImageTables,
            "put_images",
            after(ImageTables.put_images),
        ),
        "books closed, nothing published": (
            Warehouse,
            "checkpoint",
            before(Warehouse.checkpoint),
        ),
        "half a copy": (publish, "copy_bytes", half_a_copy),
        "books closed, no Parquet": (
            publish,
            "_write_parquet",
            before(publish._write_parquet),
        ),
        "copied, not published": (publish, "_copying", copied),
        "published, not kept": (
            publish,
            "keep_snapshot",
            before(keep_snapshot),
        ),
    }
    owner, name, replacement = methods[point]
    setattr(owner, name, replacement)


def main(data: Path, point: str) -> None:
    """Run the demo until it dies."""
    context: AbstractContextManager[Any] = demo_settings(data)
    with context as settings:
        set_up(point)
        story = verify_images if point.startswith("verify") else refresh
        run_direct(story, Job(settings, moment=MOMENT, say=lambda _: None))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
