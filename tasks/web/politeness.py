"""Whose turn it is: how many requests at once, over all hosts and per host."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tasks.settings import FetchSettings

Sleep = Callable[[float], Awaitable[object]]


@dataclass(slots=True)
class _Host:
    """One host's queue; *not_before* is the clock's time of the next request."""

    free: asyncio.Semaphore
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    not_before: float = 0.0


class Slots:
    """Places for requests, handed out in order of arrival.

    A request starts no sooner than the host's delay after the last one to that host
    started or ended. A host that waits holds no place that another could use.
    *clock* and *sleep* are in seconds.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._overall = asyncio.Semaphore(settings.concurrency)
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def slot(self, host: str, delay_seconds: float = 0.0) -> AsyncIterator[None]:
        """Wait for a place at *host*; the longer of the delays counts."""
        delay = max(delay_seconds, self._settings.per_host_delay_seconds)
        queue = self._host(host)
        async with queue.free:
            async with queue.turn:
                await self._wait_for(queue)
                await self._overall.acquire()
                self._pause(queue, delay)
            try:
                yield
            finally:
                self._overall.release()
                self._pause(queue, delay)

    def postpone(self, host: str, seconds: float) -> None:
        """Start nothing at *host* for so long: it is busy, or asked us to wait."""
        self._pause(self._host(host), seconds)

    def _host(self, host: str) -> _Host:
        if host not in self._hosts:
            most = self._settings.per_host_concurrency
            self._hosts[host] = _Host(asyncio.Semaphore(most))
        return self._hosts[host]

    async def _wait_for(self, queue: _Host) -> None:
        while (seconds := queue.not_before - self._clock()) > 0:
            await self._sleep(seconds)

    def _pause(self, queue: _Host, seconds: float) -> None:
        queue.not_before = max(queue.not_before, self._clock() + seconds)
