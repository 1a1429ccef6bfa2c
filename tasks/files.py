"""Files that are whole or not there, whatever ends the program meanwhile."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future
    from threading import Event

# What a file is called while somebody writes to it, as archives' crawlers do; whoever
# was killed leaves it so.
OPEN = ".open"
# How a file ends that is not settled.
PART = ".part"
# Four bring files to the disk eleven times as fast as one, eight fifteen times (ext4).
_WRITERS = 8
# A copy can be stopped after each piece. No more than that waits to be synced: little
# more than a second's work where a disk writes 100 MB in one.
PIECE_BYTES = 16_000_000
SYNC_BYTES = 128_000_000
_MAX_UNSETTLED_BYTES = 50_000_000  # that may wait for a slow disk


class FileGroup:
    """Files that come to the disk together: a tenth of the time of one by one.

    Threads write and sync them; file systems bring what is asked for at once to the
    disk at once. No file is at its path before `settle`, and never half of one. For
    names made of the content's hash. A group is for one thread alone.
    """

    def __init__(self) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - few do

        self._writers = ThreadPoolExecutor(_WRITERS, "wirehouse-files")
        # A set with an order, of strings: a `Path` costs more than its write.
        self._paths: dict[str, None] = {}
        self._written: list[Future[None]] = []
        self._bytes = 0

    def add(self, contents: Mapping[str, bytes]) -> None:
        """Begin to write *contents*, but for files that are there with that size.

        Until they are settled, they lie two folders up. Raises `OSError` for files
        added before.
        """
        new = {
            path: content
            for path, content in contents.items()
            if path not in self._paths and not _has_size(path, len(content))
        }
        if not new:
            return
        if self._bytes > _MAX_UNSETTLED_BYTES:
            self.settle()
        self._bytes += sum(map(len, new.values()))
        self._paths |= dict.fromkeys(new)
        self._written.append(self._writers.submit(_write_all, new))

    def settle(self) -> None:
        """Put all files at their paths, durably; where that fails, leave none behind.

        Raises `OSError`.
        """
        try:
            for written in self._written:
                written.result()
            for path in self._paths:
                _put_in_place(path)
            folders = {_above(path) for path in self._paths}
            folders |= {_above(folder) for folder in folders}
            shares = [list(folders)[at::_WRITERS] for at in range(_WRITERS)]
            list(self._writers.map(_sync_folders, shares))
        except BaseException:
            self._leave_none()
            raise
        self._forget()

    def close(self) -> None:
        """Let go of what is not settled."""
        self._leave_none()
        self._writers.shutdown()

    def _leave_none(self) -> None:
        for written in self._written:
            with suppress(OSError):
                written.result()
        for path in self._paths:
            with suppress(OSError):
                os.unlink(_part_of(path))  # noqa: PTH108 - a string
        self._forget()

    def _forget(self) -> None:
        self._paths.clear()
        self._written.clear()
        self._bytes = 0


def remove_parts(place: Path) -> None:
    """Delete what a killed program left of a `FileGroup` in *place*."""
    for path in place.glob(f".*{PART}"):
        path.unlink()


def _has_size(path: str, size: int) -> bool:
    try:
        facts = os.stat(path)  # noqa: PTH116 - a string
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_size == size


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _part_of(path: str) -> str:
    """Return where a file lies until it is settled."""
    folder, _, name = path.rpartition("/")
    return f"{_above(folder)}/.{name}{PART}"


def _write_all(contents: Mapping[str, bytes]) -> None:
    for path, content in contents.items():
        _write(_part_of(path), content)


def _write(path: str, content: bytes) -> None:
    """Write a file that is not there yet, durably but for its name."""
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, how, 0o644)
    except FileNotFoundError:
        os.makedirs(_above(path), exist_ok=True)  # noqa: PTH103 - a string
        descriptor = os.open(path, how, 0o644)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_in_place(path: str) -> None:
    try:
        os.replace(_part_of(path), path)  # noqa: PTH105 - a string
    except FileNotFoundError:
        os.makedirs(_above(path), exist_ok=True)  # noqa: PTH103 - a string
        os.replace(_part_of(path), path)  # noqa: PTH105 - a string


def _sync_folders(folders: Iterable[str]) -> None:
    for folder in folders:
        sync_folder(folder)


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes of a file; raises `OSError`."""
    with source.open("rb") as read, target.open("wb") as write:
        copy_bytes(read, write)


def copy_bytes(
    read: BinaryIO, write: BinaryIO, *, stopped: Event | None = None
) -> None:
    """Copy the bytes of an open file to a new one; where that can be, both share them.

    Gigabytes take long, and so would it to bring them to the disk: a piece is copied
    after the other, until somebody says *stopped*, and synced as soon as they are many.
    Raises `OSError`.
    """
    left = os.fstat(read.fileno()).st_size
    at = synced = 0
    while left > 0 and not (stopped and stopped.is_set()):
        count = _copy_piece(read.fileno(), write.fileno(), at, min(left, PIECE_BYTES))
        if not count:
            return  # somebody made the file shorter
        at += count
        left -= count
        if at - synced >= SYNC_BYTES:
            os.fdatasync(write.fileno())
            synced = at


def _copy_piece(read: int, write: int, at: int, size: int) -> int:
    """Copy up to *size* bytes from one place to the same; return how many."""
    with suppress(OSError):  # as some file systems answer that cannot
        if count := os.copy_file_range(read, write, size, at, at):
            return count
    piece = memoryview(os.pread(read, size, at))
    count = 0
    while count < len(piece):
        count += os.pwrite(write, piece[count:], at + count)
    return count


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


def sync_folder(folder: Path | str) -> None:
    """Make new names durable: fsync of a file alone does not keep its entry."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
