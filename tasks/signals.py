"""Signals that wait until what cannot be left in the middle has ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held(told: Callable[[], None]) -> Iterator[None]:
    """Let signals wait until the block has ended; call *told* when one comes.

    However many came, the first is obeyed then, as it would have been. Only the main
    thread is ever interrupted by a signal: in others nothing is held.
    """
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        told()

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if callable(handler):  # what is ignored stays so, and what kills kills
            signal.signal(number, hold)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])
