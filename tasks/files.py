"""Files that are whole or not there, whatever ends the program meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

# What a file is called while somebody writes to it, as archives' crawlers do; whoever
# was killed leaves it so.
OPEN = ".open"
# How a file ends that `keep_file` has not finished.
PART = ".part"


def keep_file(path: Path, content: bytes) -> None:
    """Write *content* durably, unless a file of that size is at *path* already.

    It is written under another name first, so that *path* never shows half a file; for
    names made of the content's hash. Raises `OSError`.
    """
    if path.is_file() and path.stat().st_size == len(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=PART)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp's files are for their owner alone
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    for folder in (path.parent, path.parent.parent):
        sync_folder(folder)


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes of a file; where the file system can, both share them.

    Raises `OSError`.
    """
    try:
        with source.open("rb") as read, target.open("wb") as write:
            left = os.fstat(read.fileno()).st_size
            while left > 0:
                count = os.copy_file_range(read.fileno(), write.fileno(), left)
                if not count:  # as some file systems answer that cannot
                    break
                left -= count
    except OSError:
        left = 1
    if left:
        shutil.copyfile(source, target)


def stamp(path: Path) -> list[int]:
    """Return what differs once somebody wrote to a file, nothing if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return []
    return [found.st_size, found.st_mtime_ns]


def sync_file(path: Path) -> None:
    """Bring what is in a file to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make new names durable: fsync of a file alone does not keep its entry."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
