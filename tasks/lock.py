"""One run at a time per data directory: a file lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


class LockHeldError(Exception):
    """Another run holds the data directory: who, and since when."""


@contextmanager
def hold_lock(data: Path, moment: datetime) -> Iterator[None]:
    """Hold the data directory for this process; raise `LockHeldError` if it is taken.

    The operating system frees the lock when the process ends, however it ends, so a
    lock is never stale. What the file says only serves the message.
    """
    path = data / "warehouse" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeldError(_who_holds(descriptor, data)) from None
        holder = {"pid": os.getpid(), "since": moment.isoformat(timespec="seconds")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _who_holds(descriptor: int, data: Path) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 1000, 0))
        who = f"process {holder['pid']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        who = "a process that has just started"
    return f"another run holds {data} ({who}): wait for it to end"
