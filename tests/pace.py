"""Time as tests count it: CPU of a quiet machine, whatever this one does beside."""

from __future__ import annotations

import time

QUIET_SECONDS = 0.08  # what `_work` takes where nothing else runs


class Watch:
    """How much CPU this process has spent since, for work that must not grow.

    It is for work that takes minutes where it is done the wrong way. Such a limit is
    missed by the right way, too, on a machine that is shared or several times slower:
    so what exceeds it is held against what a known piece of work takes at that moment.
    """

    def __init__(self) -> None:
        self._start = time.process_time()

    def within(self, seconds: float) -> bool:
        """Tell whether a quiet machine would have been done in so many *seconds*."""
        return is_within(time.process_time() - self._start, seconds)


def is_within(spent: float, seconds: float) -> bool:
    """Tell whether what took *spent* had taken a quiet machine less than *seconds*."""
    if spent < seconds:
        return True
    slowness = max(_work() for _ in range(3)) / QUIET_SECONDS
    return spent < seconds * max(1.0, slowness)


def _work() -> float:
    """Do a known piece of work; return the CPU seconds that it took."""
    start = time.process_time()
    sum(number * number % 7 for number in range(1_000_000))
    return time.process_time() - start
