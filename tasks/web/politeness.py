"""Whose turn it is: how many requests at once, over all hosts and per host."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tasks.due import host_key
from tasks.models import Outcome, Rest
from tasks.settings import FetchSettings
from tasks.web.faults import Failed

# Pauses are up to a quarter longer than asked for: a steady beat looks like an attack,
# and hosts that share a machine would all be asked in the same moment.
JITTER = 0.25
# A host that is too busy gets this pause, doubled each time it says so again.
SLOW_SECONDS = 1.0
MAX_SLOW = 6  # doublings: about a minute
# So many good answers in a row, and the pause is halved again.
RECOVERY = 10
# Hosts remembered before those that nobody waits for are forgotten.
MANY_HOSTS = 1_000

Sleep = Callable[[float], Awaitable[object]]


class HostRests(Exception):  # noqa: N818 - no fault, but a reason not to ask now
    """Nobody was asked, because the host rests."""

    def __init__(self, rest: Rest) -> None:
        super().__init__(rest.reason)
        self.rest = rest


@dataclass(slots=True)
class _Host:
    """One host's queue; *not_before* is the clock's time of the next request.

    *slow* is how often its pause was doubled, *good* and *failures* count answers in a
    row, *users* those who wait or are served.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    not_before: float = 0.0
    under_way: int = 0
    users: int = 0
    slow: int = 0
    good: int = 0
    failures: int = 0


class Slots:
    """Places for requests, handed out in order of arrival.

    A request starts no sooner than the host's pause after the last one to that host
    started or ended. A host that waits holds no place that another could use.
    *clock* and *sleep* are in seconds, *draw* is the source of chance, from 0 to 1.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._overall = asyncio.Semaphore(settings.concurrency)
        self._hosts: dict[str, _Host] = {}
        self._many = MANY_HOSTS
        self._resting: dict[str, Rest] = {}
        self._lost_names: dict[str, str] = {}  # each with the reason

    @asynccontextmanager
    async def slot(
        self, host: str, delay_seconds: float = 0.0, *, name: str = ""
    ) -> AsyncIterator[None]:
        """Wait for a place at *host*; the longer of the delays counts.

        *name* is the host as it is looked up, if that is another: `www.` and all.
        Raises `HostRests`, or `Failed` for a name that does not exist.
        """
        delay = max(delay_seconds, self._settings.per_host_delay_seconds)
        queue = self._host(host)
        queue.users += 1
        try:
            async with queue.turn:
                await self._wait_for(host, name or host, queue)
                queue.under_way += 1
                self._pause(queue, delay)
            try:
                yield
            finally:
                self._overall.release()
                queue.under_way -= 1
                queue.freed.set()
                self._pause(queue, delay)
        finally:
            queue.users -= 1

    def postpone(self, host: str, seconds: float) -> None:
        """Start nothing at *host* for so long: it is busy, or asked us to wait."""
        queue = self._host(host)
        queue.not_before = max(queue.not_before, self._clock() + seconds)

    def answered(self, host: str) -> None:
        """Note that *host* gave an answer of its own, be it that a page is missing."""
        queue = self._host(host)
        queue.failures = 0
        queue.good += 1
        if queue.slow and queue.good >= RECOVERY:
            queue.slow -= 1
            queue.good = 0

    def busy(self, host: str) -> None:
        """Slow down: *host* has too much to do."""
        queue = self._host(host)
        queue.slow = min(queue.slow + 1, MAX_SLOW)

    def failed(
        self, host: str, outcome: Outcome, reason: str, status_code: int | None
    ) -> None:
        """Note that *host* itself failed; after so many in a row, it rests."""
        queue = self._host(host)
        queue.good = 0
        queue.failures += 1
        most = self._settings.rest_after_failures
        if queue.failures >= most:
            words = f"{host} rests after {most} failures in a row, the last: {reason}"
            self.rest(Rest(host, words, outcome, status_code))

    def lose(self, name: str, reason: str) -> None:
        """Note that *name* cannot be looked up; a host may have another that can."""
        self._lost_names.setdefault(name, reason)

    def rest(self, rest: Rest) -> None:
        """Let nobody ask the host any more; the first reason counts."""
        self._resting.setdefault(rest.host, rest)

    def _host(self, host: str) -> _Host:
        found = self._hosts.get(host)
        if found is None:
            if len(self._hosts) >= self._many:
                self._forget_idle()
            found = self._hosts[host] = _Host()
        return found

    def _forget_idle(self) -> None:
        """Drop hosts that a new entry would not differ from."""
        now = self._clock()
        self._hosts = {
            name: host
            for name, host in self._hosts.items()
            if host.users or host.slow or host.failures or host.not_before > now
        }
        self._many = max(MANY_HOSTS, 2 * len(self._hosts))

    async def _wait_for(self, key: str, name: str, host: _Host) -> None:
        """Return with one of the places over all, once *host* may be asked."""
        while True:
            self._check(key, name)
            if host.under_way >= self._most_at_once(host):
                host.freed.clear()
                await host.freed.wait()
            elif (seconds := host.not_before - self._clock()) > 0:
                await self._sleep(seconds)
            else:
                await self._overall.acquire()
                # Others of this host may have ended meanwhile, and changed its state.
                is_open = key not in self._resting and name not in self._lost_names
                if is_open and host.not_before <= self._clock():
                    return
                self._overall.release()

    def _check(self, host: str, name: str) -> None:
        if host in self._resting:
            raise HostRests(self._resting[host])
        if name in self._lost_names:
            raise Failed(outcome="dns_error", reason=self._lost_names[name])

    def _most_at_once(self, host: _Host) -> int:
        return 1 if host.slow else self._settings.per_host_concurrency

    def _pause(self, host: _Host, delay: float) -> None:
        if host.slow:
            delay = max(delay, SLOW_SECONDS) * 2.0**host.slow
        seconds = delay * (1.0 + JITTER * self._draw())
        host.not_before = max(host.not_before, self._clock() + seconds)


def polite_host(url: str) -> str:
    """Return what *url*'s turns are counted by: its host, without `www.`.

    With and without it is one server nearly everywhere, and where it is not, this only
    asks more slowly.

    >>> polite_host("https://www.news.example:8080/a")
    'news.example'
    """
    return host_key(url).removeprefix("www.")
