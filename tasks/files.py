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


# As the system, and DuckDB after it, tell of a full disk, a quota and a limit of size.
_NO_ROOM = ("No space left", "quota exceeded", "File too large")


def in_words(reason: object) -> str:
    """Say why something could not be written; where there is no room, what to do."""
    if isinstance(reason, OSError) and reason.strerror:
        where = f" ({reason.filename})" if reason.filename else ""
        reason = f"{reason.strerror}{where}"
    if any(words in str(reason) for words in _NO_ROOM):
        return "there is no room left on the disk: make some, then run again"
    return str(reason).partition("\n")[0]


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
