"""The last published states, each under the number of its run.

The newest is `news.duckdb` under a second name: a published file is never written to
again, so a hard link keeps it for nothing. An older one costs its own size.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tasks.files import copy_file, sync_file, sync_folder
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.published import published_run

PUBLISHED = "news.duckdb"
FOLDER = "snapshots"
SUFFIX = ".duckdb"


def find_snapshots(data: Path) -> dict[int, Path]:
    """Return the states that are kept by the number of their run, oldest first."""
    folder = data / FOLDER
    names = [entry.name for entry in os.scandir(folder)] if folder.is_dir() else []
    numbers = sorted(
        int(name.removesuffix(SUFFIX))
        for name in names
        if name.endswith(SUFFIX) and name.removesuffix(SUFFIX).isdecimal()
    )
    return {number: _path(data, number) for number in numbers}


def last_published(data: Path) -> int:
    """Return the number of the last run that was published; 0: none was.

    This is the counter outside the working file: whatever became of that one, it tells
    which run's books may say that it ended well. A state that was published just before
    its run was killed is kept now.
    """
    found = find_snapshots(data)
    newest = max(found, default=0)
    published = data / PUBLISHED
    with suppress(OSError):
        if newest and published.samefile(found[newest]):
            return newest
    try:
        number = published_run(published)
    except WarehouseError:
        return newest  # there is none, or somebody else's: the next run replaces it
    if number > newest:
        _link(data, number)
    return max(number, newest)


def keep_snapshot(data: Path, number: int, *, keep: int) -> None:
    """Keep what is published as the state of run *number*, and *keep* states in all."""
    _link(data, number)
    for path in list(find_snapshots(data).values())[:-keep]:
        path.unlink()


def snapshot_of(data: Path, number: int) -> Path:
    """Return the state that run *number* published; `WarehouseError` if it is gone."""
    found = find_snapshots(data)
    if number not in found:
        kept = ", ".join(map(str, found)) or "none"
        msg = f"no state of run {number} is kept (kept: {kept}); see keep_snapshots"
        raise WarehouseError(msg)
    return found[number]


def _path(data: Path, number: int) -> Path:
    return data / FOLDER / f"{number:06}{SUFFIX}"


def _link(data: Path, number: int) -> None:
    target = _path(data, number)
    target.parent.mkdir(exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(data / PUBLISHED)
    except OSError:  # a file system without hard links
        fresh = target.with_name(f".{target.name}.new")
        copy_file(data / PUBLISHED, fresh)
        sync_file(fresh)
        fresh.replace(target)
    sync_folder(target.parent)
