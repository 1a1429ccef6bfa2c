"""The door itself: one address in, one `Response` out, whatever the network does."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from tasks.models import Response
from tasks.settings import FetchSettings
from tasks.web.answers import REDIRECTS, judge, location_of
from tasks.web.faults import Failed
from tasks.web.guard import ALLOW, verdict
from tasks.web.hop import Hops, Visit
from tasks.web.targets import Detours, Target, follow, parse_target, shown
from tasks.web.tls import trust_public_authorities
from tasks.web.wire import Lookup, look_up, open_wire

Gate = Callable[[str], AbstractAsyncContextManager[None]]
Reroute = Callable[[str], str]


@contextlib.asynccontextmanager
async def open_gate(_url: str) -> AsyncIterator[None]:
    """Let every request through at once."""
    yield


def utc_now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def open_web(
    settings: FetchSettings,
    *,
    clock: Callable[[], datetime] = utc_now,
    lookup: Lookup = look_up,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Web]:
    """Open the network for the running event loop and close all of it at the end.

    *clock* stamps requests, *lookup* is the name service, *tls* which certificates are
    trusted (by default those of the certifi package: the same on every machine).
    Raises `ValueError` for a `connect_to` that is not an address and port, and for a
    `user_agent` that no header can hold.
    """
    if not (settings.user_agent.isascii() and settings.user_agent.isprintable()):
        msg = f"user_agent: {settings.user_agent!r} is not in plain ASCII"
        raise ValueError(msg)
    trust = tls or trust_public_authorities()
    async with open_wire(settings, trust, lookup) as wire:
        yield Web(settings, Hops(wire, settings.user_agent, clock))


class Web:
    """The network as this project may use it: guarded, bounded and without a memory.

    No cookie, credential or proxy is ever sent, and every connection is checked.
    """

    def __init__(self, settings: FetchSettings, hops: Hops) -> None:
        self._settings = settings
        self._hops = hops
        self._detours = Detours(settings.connect_to)

    async def get(  # noqa: PLR0913 - all but the address may be left out
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        seconds: float | None = None,
        gate: Gate = open_gate,
        validated_url: str | None = None,
        reroute: Reroute | None = None,
    ) -> Response:
        """Get *url*, following redirects; raises nothing but `CancelledError`.

        Of *headers*, those of `CALLER_HEADERS` are sent. *max_bytes* limits the body as
        received and as decoded, *seconds* all of it, redirects included. *gate* is
        entered before each request with its address and left after it; it may raise
        `Failed`, and what else it raises is passed on. Time spent in it is not counted.
        With *validated_url*, only that address is asked for changes since the last
        copy. *reroute* may change where a redirect leads.
        """
        settings = self._settings
        limit = settings.max_bytes if max_bytes is None else max_bytes
        allowed = settings.total_seconds if seconds is None else seconds
        visit = Visit(url, headers or {}, limit, allowed, url)
        visit.validated_url = validated_url
        try:
            return await self._travel(visit, gate, reroute)
        except Failed as failed:
            return visit.response(failed.outcome, failed.reason)

    async def _travel(
        self, visit: Visit, gate: Gate, reroute: Reroute | None
    ) -> Response:
        target = parse_target(visit.url, self._settings.ports)
        trail = [target.url]
        while True:
            visit.final_url, visit.status_code = target.url, None
            self._check_host(target)
            async with gate(target.url):
                fault = await self._ask_in_time(visit, target)
            answer = visit.exchanges[-1]
            location = location_of(answer)
            if answer.status_code not in REDIRECTS or location is None:
                outcome, reason, body = judge(
                    answer, fault, visit.max_bytes, is_conditional=visit.is_conditional
                )
                return visit.response(outcome, reason, body)
            if reroute is not None:
                location = reroute(location)
            target = follow(target, location, self._settings.ports)
            self._check_trail(trail, target)

    def _check_host(self, target: Target) -> None:
        """Judge a host whose addresses nobody need tell, before `connect_to` does."""
        known = target.known_addresses
        if not known or self._detours.names(target.host):
            return
        networks = self._settings.allowed_networks
        judged = [verdict(address, allowed_networks=networks) for address in known]
        if ALLOW not in judged:
            raise Failed(outcome="blocked_address", reason=judged[0])

    def _check_trail(self, trail: list[str], target: Target) -> None:
        is_circle = target.url in trail
        trail.append(target.url)
        if is_circle:
            circle = " → ".join(shown(url) for url in trail[trail.index(target.url) :])
            reason = f"redirects in a circle: {circle}"
            raise Failed(outcome="too_many_redirects", reason=reason)
        most = self._settings.max_redirects
        if len(trail) - 1 > most:
            reason = f"more than {most} redirects, the last one to {shown(target.url)}"
            raise Failed(outcome="too_many_redirects", reason=reason)

    async def _ask_in_time(self, visit: Visit, target: Target) -> Failed | None:
        """Ask once within what is left of the deadline, which redirects share."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(visit.seconds_left):
                return await self._hops.ask(visit, target)
        except TimeoutError:
            part = "no answer" if visit.status_code is None else "no complete body"
            allowed = round(visit.seconds_left + visit.seconds_spent, 1)
            reason = f"{part} from {target.place} within {allowed:g} s"
            raise Failed(outcome="timeout", reason=reason) from None
        finally:
            spent = time.monotonic() - started
            visit.seconds_spent += spent
            visit.seconds_left -= spent
