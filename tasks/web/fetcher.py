"""The network of a whole run: one event loop in a thread of its own.

Jobs are queued by host. What they find waits to be taken by the thread that began
them, so whoever keeps it (files, the warehouse) is called by one thread alone.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Never, Protocol

from tasks.models import Rest
from tasks.settings import FetchSettings
from tasks.web.politeness import Sleep
from tasks.web.tries import Courier, open_courier

# Jobs begun and not ended, at some 6 KB each: most of them wait for the turn of a host
# that others fall back to, such as a web archive.
MAX_BEGUN = 5_000
# Answers that nobody took yet; no other job begins meanwhile.
MAX_UNTAKEN_BYTES = 20_000_000
LONG_SECONDS = 60.0  # to wait for an answer before waiting again

Call = Callable[[], None]
# Takes what to call in the thread that takes answers, and what it holds, in bytes.
HandOn = Callable[[Call, int], None]


class Job(Protocol):
    """Something to ask *host* for. Of all jobs most wait, so that it holds little."""

    @property
    def host(self) -> str:
        """The host whose turn it waits for."""

    async def work(self, courier: Courier, hand_on: HandOn) -> None:
        """Ask for it, and hand on what answers."""

    def ended(self) -> None:
        """Learn that `work` is over; called where answers are taken."""


@dataclass(slots=True)
class _Host:
    """The jobs of one host that wait for it, and its free places."""

    free: int
    waiting: deque[Job] = field(default_factory=deque)
    is_in_line: bool = False


class Fetcher:
    """Does jobs, as many at once as the hosts and the settings allow.

    The next job of a host begins when the last one has its first answer or is over: one
    that goes on to ask elsewhere, or waits for another try, holds up nobody.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        rests: Sequence[Rest] = (),
        sleep: Sleep = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Open the network; raises what `open_courier` raises."""
        self._settings = settings
        self._open = partial(
            open_courier, settings, rests=rests, sleep=sleep, draw=draw
        )
        self._found: SimpleQueue[tuple[Call, int]] = SimpleQueue()
        self._under_way = 0  # jobs, as the thread sees them that takes answers
        # What follows belongs to the event loop.
        self._hosts: dict[str, _Host] = {}
        self._line: deque[str] = deque()  # hosts with a job to begin and a place for it
        self._begun = 0
        self._untaken_bytes = 0
        opened: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = Thread(
            target=self._live, args=(opened,), name="wirehouse-web", daemon=True
        )
        self._thread.start()
        self._loop = opened.result()

    @property
    def busy_hosts(self) -> int:
        """How many hosts have jobs that wait for them."""
        return len(self._hosts)

    @property
    def under_way(self) -> int:
        """How many jobs have not ended."""
        return self._under_way

    @property
    def is_answered(self) -> bool:
        """Whether any host has answered so far, whatever it said."""
        return self._courier.is_answered

    def begin(self, jobs: Sequence[Job]) -> None:
        """Queue *jobs*, each at its host, and return at once."""
        self._under_way += len(jobs)
        # A loop that broke is closed; `hand_on` says why.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue, jobs)

    def hand_on(self, seconds: float) -> None:
        """Make the calls that wait, in this thread; wait up to *seconds* for the first.

        Raises what they raise; what was not called by then waits for the next time.
        """
        taken_bytes = 0
        try:
            for call, size in self._take(seconds):
                taken_bytes += size
                call()
        finally:
            with suppress(RuntimeError):  # a loop that is closed begins nothing more
                self._loop.call_soon_threadsafe(self._taken, taken_bytes)

    def finish(self) -> None:
        """Hand on until nothing is under way."""
        while self._under_way:
            self.hand_on(LONG_SECONDS)

    def take_deferred(self) -> dict[Rest, int]:
        """Return for whose rest how much was not asked for, since the last call.

        To be called while nothing is under way.
        """
        return self._courier.take_deferred()

    def take_rests(self) -> list[Rest]:
        """Return which hosts asked for a rest since the last call."""
        return self._courier.take_rests()

    def close(self) -> None:
        """End everything that is under way; what was found can still be handed on."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()

    def _take(self, seconds: float) -> Iterator[tuple[Call, int]]:
        try:
            yield self._found.get(timeout=seconds)
        except Empty:
            return
        for _ in range(self._found.qsize()):
            yield self._found.get_nowait()

    # --- in the thread of the event loop

    def _live(self, opened: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            with asyncio.Runner() as runner:
                loop = runner.get_loop()
                self._main = loop.create_task(self._serve(opened))
                loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - whoever waits must learn of it
            if opened.done():
                self._found.put((partial(_raise, error), 0))
            else:
                opened.set_exception(error)

    async def _serve(self, opened: Future[asyncio.AbstractEventLoop]) -> None:
        async with self._open() as self._courier, asyncio.TaskGroup() as self._group:
            opened.set_result(asyncio.get_running_loop())
            await asyncio.Event().wait()  # until somebody cancels it

    def _queue(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            host = self._hosts.get(job.host)
            if host is None:
                places = self._settings.per_host_concurrency
                host = self._hosts[job.host] = _Host(places)
            host.waiting.append(job)
            self._line_up(job.host, host)
        self._begin_some()

    def _taken(self, size: int) -> None:
        self._untaken_bytes -= size
        self._begin_some()

    def _line_up(self, name: str, host: _Host) -> None:
        if host.waiting and host.free and not host.is_in_line:
            host.is_in_line = True
            self._line.append(name)

    def _begin_some(self) -> None:
        """Begin what there is room for, each host in its turn."""
        while (
            self._line
            and self._begun < MAX_BEGUN
            and self._untaken_bytes < MAX_UNTAKEN_BYTES
        ):
            name = self._line.popleft()
            host = self._hosts[name]
            host.is_in_line = False
            host.free -= 1
            self._begun += 1
            self._group.create_task(self._do(host.waiting.popleft()))
            self._line_up(name, host)

    async def _do(self, job: Job) -> None:
        leave: Call = partial(self._leave, job.host)

        def hand_on(call: Call, size: int) -> None:
            nonlocal leave
            self._untaken_bytes += size
            self._found.put((call, size))
            leave()
            leave = _nothing

        await job.work(self._courier, hand_on)
        leave()
        self._begun -= 1
        self._found.put((partial(self._ended, job), 0))
        self._begin_some()

    def _leave(self, name: str) -> None:
        """Let the next job of a host begin."""
        host = self._hosts[name]
        host.free += 1
        if not host.waiting and host.free == self._settings.per_host_concurrency:
            del self._hosts[name]
        self._line_up(name, host)
        self._begin_some()

    # --- in the thread that takes answers

    def _ended(self, job: Job) -> None:
        self._under_way -= 1
        job.ended()


def _nothing() -> None:
    """Be called in place of what must be called once."""


def _raise(error: BaseException) -> Never:
    if isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    raise error
