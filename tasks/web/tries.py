"""One address, tried until it answers or stays silent: robots, turn, request, again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import urlsplit

from tasks.models import Outcome, Response
from tasks.settings import FetchSettings
from tasks.web.answers import header
from tasks.web.client import Web, open_web
from tasks.web.politeness import Sleep, Slots
from tasks.web.robots import MAX_BYTES, Robots, Rules

# Faults that may be over in a moment; of `http_error`, 429 and 5xx are.
PASSING: frozenset[Outcome] = frozenset({"timeout", "connection_error"})
# About 1 s before the second try and 4 s before the third: most restarts are over.
FIRST_WAIT_SECONDS = 1.0
# Who asks for a longer wait than this is asked again by the next run.
MAX_WAIT_SECONDS = 15.0

Keep = Callable[[int, datetime, Response], None]


class Courier:
    """What a batch shares: the network, everybody's turn and the robots' rules."""

    def __init__(
        self, settings: FetchSettings, web: Web, slots: Slots, draw: Callable[[], float]
    ) -> None:
        """Take *draw* as the source of chance: a number from 0 to 1."""
        self._settings = settings
        self._web = web
        self._slots = slots
        self._draw = draw
        self._robots = Robots(settings.user_agent, self._get_robots)

    async def ask(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        max_bytes: int,
        keep: Keep,
    ) -> Response:
        """Ask for *url* up to `attempts` times and return the last answer.

        Each try is handed to *keep* with its number from 0, the moment of its first
        request, and the answer.
        """
        get = partial(
            self._web.get, url, headers=headers, max_bytes=max_bytes, gate=self._gate
        )
        return await self._try(get, keep)

    async def _try(
        self, get: Callable[[], Awaitable[Response]], keep: Keep
    ) -> Response:
        """Call *get* until its answer is there to stay; the host has time to recover.

        The wait is the host's, not ours: all who want something of it wait.
        """
        for number in range(self._settings.attempts):
            response = await get()
            moment = _requested_at(response)
            keep(number, moment, response)
            wait = wait_before_next(response, number, self._draw(), moment)
            if wait is None:
                break
            self._slots.postpone(_host(response.final_url), wait)
        return response

    @contextlib.asynccontextmanager
    async def _gate(self, url: str) -> AsyncIterator[None]:
        rules = Rules()
        if self._settings.respect_robots:
            rules = await self._robots.rules(url)
        rules.check(url)
        async with self._slots.slot(_host(url), rules.delay_seconds):
            yield

    async def _get_robots(self, url: str) -> Response:
        def gate(hop: str) -> AbstractAsyncContextManager[None]:
            return self._slots.slot(_host(hop))

        get = partial(self._web.get, url, max_bytes=MAX_BYTES, gate=gate)
        return await self._try(get, lambda *_: None)


@contextlib.asynccontextmanager
async def open_courier(
    settings: FetchSettings,
    *,
    sleep: Sleep = asyncio.sleep,
    draw: Callable[[], float] = random.random,
) -> AsyncIterator[Courier]:
    """Open the network for one batch."""
    async with open_web(settings) as web:
        yield Courier(settings, web, Slots(settings, sleep=sleep), draw)


def wait_before_next(
    response: Response, number: int, chance: float, now: datetime
) -> float | None:
    """Return the seconds to wait before another try, None for no other try.

    *number* counts the tries from 0; *chance*, from 0 to 1, spreads the wait from half
    to one and a half times, lest all come back at once.
    """
    status = response.status_code or 0
    is_busy = response.outcome == "http_error" and (status == 429 or status >= 500)
    if response.outcome not in PASSING and not is_busy:
        return None
    wait = FIRST_WAIT_SECONDS * 4.0**number * (0.5 + chance)
    asked = _retry_after(header(response.headers, "retry-after"), now)
    if asked is not None and asked > MAX_WAIT_SECONDS:
        return None
    return min(max(wait, asked or 0.0), MAX_WAIT_SECONDS)


def _retry_after(value: str, now: datetime) -> float | None:
    """Read seconds or a date (RFC 9110, 10.2.3); None for anything else."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _requested_at(response: Response) -> datetime:
    """Return when the first request went out, after its wait for a turn."""
    if response.exchanges:
        return response.exchanges[0].requested_at
    return datetime.now(UTC) - timedelta(milliseconds=response.elapsed_ms)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
