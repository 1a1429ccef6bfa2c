"""One address, tried until it answers or stays silent: robots, turn, request, again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

from tasks.due import host_key
from tasks.models import Outcome, Response, Rest
from tasks.settings import FetchSettings
from tasks.web.answers import is_busy, is_host_fault, retry_at
from tasks.web.client import Reroute, Web, open_web
from tasks.web.faults import Failed
from tasks.web.politeness import HostRests, Sleep, Slots, polite_host
from tasks.web.robots import MAX_BYTES, Robots, Rules

# Faults that may be over in a moment; of `http_error`, 429 and 5xx are.
PASSING: frozenset[Outcome] = frozenset({"timeout", "connection_error"})
# About 1 s before the second try and 4 s before the third: most restarts are over.
FIRST_WAIT_SECONDS = 1.0
# No try is worth it in less than this share of the time for an address.
LEAST_SHARE = 0.1
# Who asks for a longer wait than this is asked again by the next run.
MAX_WAIT_SECONDS = 15.0

# Takes each try's moment and answer, and returns the answer as it is judged.
Keep = Callable[[datetime, Response], Response]


@dataclass(slots=True)
class _Way:
    """How far a visit came: the requests that were let through, and who was not.

    *rest* is that of the host which a redirect led to.
    """

    hops: int = 0
    is_refused: bool = False
    rest: Rest | None = None


class Courier:
    """What all requests of a run share: the network, turns and the robots' rules.

    Its memory does not grow with the number of hosts, but for those that rest or do not
    exist.
    """

    def __init__(
        self, settings: FetchSettings, web: Web, slots: Slots, draw: Callable[[], float]
    ) -> None:
        """Take *draw* as the source of chance: a number from 0 to 1."""
        self._settings = settings
        self._web = web
        self._slots = slots
        self._draw = draw
        self._robots = Robots(settings.user_agent, self._get_robots)
        self._deferred: Counter[Rest] = Counter()
        self._asked_for: deque[Rest] = deque()
        self.is_answered = False  # by anybody, whatever they said

    async def ask(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        max_bytes: int,
        keep: Keep,
        validated_url: str | None = None,
        reroute: Reroute | None = None,
    ) -> Response:
        """Ask for *url* up to `attempts` times and return the last answer as kept.

        They share the time for one address: whoever used it up is not asked again. Each
        try is handed to *keep* with the moment of its first request; the rest is as
        `Web.get` takes it. Raises `HostRests` where the host rests, so that nobody was
        asked; where it is one that a redirect led to, that is the answer.
        """

        async def get(seconds: float) -> tuple[Response, bool]:
            way = _Way()
            gate = partial(self._admit, way)
            response = await self._web.get(
                url,
                headers=headers,
                max_bytes=max_bytes,
                seconds=seconds,
                gate=gate,
                validated_url=validated_url,
                reroute=reroute,
            )
            if way.rest is not None:
                response = replace(response, status_code=way.rest.status_code)
            return response, way.is_refused

        return await self._try(get, keep)

    def defer(self, rest: Rest) -> None:
        """Note that something was not asked for, because of *rest*."""
        self._deferred[rest] += 1

    def take_deferred(self) -> dict[Rest, int]:
        """Return for whose rest how much was deferred since the last call."""
        taken, self._deferred = dict(self._deferred), Counter()
        return taken

    def take_rests(self) -> list[Rest]:
        """Return who asked for a rest since the last call; from any thread."""
        return [self._asked_for.popleft() for _ in range(len(self._asked_for))]

    async def _try(
        self, get: Callable[[float], Awaitable[tuple[Response, bool]]], keep: Keep
    ) -> Response:
        """Call *get* until its answer is there to stay; the host has time to recover.

        It is told the seconds that are left of those for the address.
        The wait is the host's, not ours: all who want something of it wait. After the
        last try they wait only as long as the host itself asked for. *get* also tells
        whether robots.txt refused, which it would again.
        """
        last: Response | None = None
        left = self._settings.total_seconds
        for number in range(self._settings.attempts):
            try:
                response, is_refused = await get(left)
            except HostRests:
                if last is None:
                    raise
                break
            moment = _requested_at(response)
            last = keep(moment, response)
            if is_refused:
                break
            self._learn(response, moment)
            wait = wait_before_next(response, number, self._draw(), moment)
            if wait is None:
                break
            left -= response.elapsed_ms / 1000
            is_over = left < LEAST_SHARE * self._settings.total_seconds
            if is_over or number + 1 == self._settings.attempts:
                wait = _asked_seconds(response, moment)
            self._slots.postpone(polite_host(response.final_url), wait)
            if is_over:
                break
        return cast("Response", last)  # `attempts` is at least 1

    def _learn(self, response: Response, moment: datetime) -> None:
        """Remember what an answer tells of the hosts that gave it."""
        if response.exchanges or response.status_code is not None:
            self.is_answered = True
        for exchange in response.exchanges[:-1]:
            self._slots.answered(polite_host(exchange.url))
        host, status = polite_host(response.final_url), response.status_code
        if is_busy(response):
            self._slots.busy(host)
        if response.outcome == "dns_error":
            self._slots.lose(host_key(response.final_url), response.reason)
        elif is_host_fault(response):
            self._slots.failed(host, response.outcome, response.reason, status)
        elif status is not None:
            self._slots.answered(host)
        until = retry_at(response, moment)
        if until is not None and until - moment > timedelta(seconds=MAX_WAIT_SECONDS):
            words = f"{host} {response.reason} and asked for rest until"
            reason = f"{words} {until:%Y-%m-%d %H:%M} UTC"
            rest = Rest(host, reason, response.outcome, status, until)
            self._slots.rest(rest)
            self._asked_for.append(rest)

    @contextlib.asynccontextmanager
    async def _admit(self, way: _Way, url: str) -> AsyncIterator[None]:
        try:
            rules = Rules()
            if self._settings.respect_robots:
                rules = await self._robots.rules(url)
            way.is_refused = True
            rules.check(url)
            async with self._turn(url, rules.delay_seconds):
                way.is_refused, way.hops = False, way.hops + 1
                yield
        except HostRests as resting:
            if not way.hops:
                raise
            # Else whoever led there would be asked again by each run.
            way.is_refused, way.rest = True, resting.rest
            reason = f"not asked: {resting.rest.reason}"
            raise Failed(outcome=resting.rest.outcome, reason=reason) from None

    def _turn(
        self, url: str, delay_seconds: float = 0.0
    ) -> AbstractAsyncContextManager[None]:
        name = host_key(url)
        return self._slots.slot(polite_host(url), delay_seconds, name=name)

    async def _get_robots(self, url: str) -> Response:
        async def get(seconds: float) -> tuple[Response, bool]:
            response = await self._web.get(
                url, max_bytes=MAX_BYTES, seconds=seconds, gate=self._turn
            )
            return response, False

        return await self._try(get, lambda _, response: response)


@contextlib.asynccontextmanager
async def open_courier(
    settings: FetchSettings,
    *,
    rests: Iterable[Rest] = (),
    sleep: Sleep = asyncio.sleep,
    draw: Callable[[], float] = random.random,
) -> AsyncIterator[Courier]:
    """Open the network, and close it at the end; *rests* are kept from earlier runs."""
    slots = Slots(settings, sleep=sleep, draw=draw)
    for rest in rests:
        slots.rest(rest)
    async with open_web(settings) as web:
        yield Courier(settings, web, slots, draw)


def wait_before_next(
    response: Response, number: int, chance: float, now: datetime
) -> float | None:
    """Return the seconds to wait before another try, None for no other try.

    *number* counts the tries from 0; *chance*, from 0 to 1, spreads the wait from half
    to one and a half times, lest all come back at once.
    """
    status = response.status_code or 0
    is_passing = response.outcome == "http_error" and (status == 429 or status >= 500)
    if response.outcome not in PASSING and not is_passing:
        return None
    wait = FIRST_WAIT_SECONDS * 4.0**number * (0.5 + chance)
    asked = _asked_seconds(response, now)
    if asked > MAX_WAIT_SECONDS:
        return None
    return min(max(wait, asked), MAX_WAIT_SECONDS)


def _asked_seconds(response: Response, now: datetime) -> float:
    """Return how long an answer asked us to wait, 0 if it did not."""
    until = retry_at(response, now)
    return (until - now).total_seconds() if until else 0.0


def _requested_at(response: Response) -> datetime:
    """Return when the first request went out, after its wait for a turn."""
    if response.exchanges:
        return response.exchanges[0].requested_at
    return datetime.now(UTC) - timedelta(milliseconds=response.elapsed_ms)
