"""Ctrl-C and SIGTERM: a command that is told to stop ends with a word and a status."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Never

from tasks.signals import SIGNALS


class StoppedError(Exception):
    """A signal ended the command; `status` is what a shell tells of it."""

    def __init__(self, number: int) -> None:
        super().__init__("stopped; what was done is kept, and the next run goes on")
        self.status = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `StoppedError` where a signal ended the block.

    Within, it is a `KeyboardInterrupt`. Libraries that meet one in the middle of a call
    pass on an error of their own (DuckDB: RuntimeError in a statement, and
    "Required module 'pytz' failed to import" in an import): so it counts that a signal
    came, whatever the error is.
    """
    came: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> Never:
        came.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        if before[number] is not signal.SIG_IGN:  # as `nohup` and shells leave it
            signal.signal(number, stop)
    try:
        yield
    except BaseException:
        if came:
            raise StoppedError(came[0]) from None
        raise
    finally:
        for number in SIGNALS:
            signal.signal(number, before[number])
