"""What a host lets robots read (RFC 9309)."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from protego import Protego

from tasks.models import Outcome, Response
from tasks.urls import split_address
from tasks.web.faults import Failed

# RFC 9309, 2.5: at least 500 KiB must be read; what comes after is ignored.
PARSED_BYTES = 500 * 1024
# A longer file is no robots.txt, and is not read to its end.
MAX_BYTES = 4 * PARSED_BYTES
# Some sites ask for minutes between requests, which would stop a run for one host.
MAX_DELAY_SECONDS = 30.0

# Parsed rules take 14 KB for a file of 2 KB; pages come host by host, so that what was
# not needed for this long hardly comes back.
MAX_ORIGINS = 1_000

# A host that cannot be reached says so of the page, too: its word is passed on.
_HOST_FAULTS: frozenset[Outcome] = frozenset(
    {"blocked_address", "connection_error", "dns_error", "timeout", "tls_error"}
)
_AGENT_LINE = re.compile(r"\s*user[- ]?agent\s*(?::|\s)\s*([^#]*)", re.IGNORECASE)
_PRODUCT_TOKEN = re.compile(r"[A-Za-z_-]+")

Get = Callable[[str], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Rules:
    """One host's answer: its rules, or *failure* for all of it."""

    agent: str = ""
    parser: Protego | None = None
    failure: Failed | None = None

    def check(self, url: str) -> None:
        """Raise `Failed` where *url* must not be asked for."""
        if self.failure is not None:
            raise Failed(outcome=self.failure.outcome, reason=self.failure.reason)
        if self.parser and not self.parser.can_fetch(url, self.agent):
            raise Failed(
                outcome="robots_disallowed",
                reason=f"robots.txt of the host disallows {url}",
            )

    @property
    def delay_seconds(self) -> float:
        """The pause that the host asks for, up to `MAX_DELAY_SECONDS`."""
        delay = self.parser.crawl_delay(self.agent) if self.parser else None
        return min(float(delay or 0.0), MAX_DELAY_SECONDS)


@dataclass(slots=True)
class _Origin:
    """One origin's rules, once known; a lock, for who is cancelled leaves the turn."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    rules: Rules | None = None


class Robots:
    """The robots.txt of each scheme, host and port, asked for once in a run.

    Of more than `MAX_ORIGINS`, those that were not needed for longest are forgotten.
    """

    def __init__(self, user_agent: str, get: Get) -> None:
        self._agent = product_token(user_agent)
        self._get = get
        self._origins: OrderedDict[str, _Origin] = OrderedDict()

    async def rules(self, url: str) -> Rules:
        """Return the rules for *url*, an address as `fetch_url` spells it."""
        name, _ = split_address(url)
        origin = self._origins.setdefault(name, _Origin())
        self._origins.move_to_end(name)
        if len(self._origins) > MAX_ORIGINS:
            self._origins.popitem(last=False)
        async with origin.lock:
            if origin.rules is None:
                response = await self._get(f"{name}/robots.txt")
                origin.rules = read_rules(response, self._agent)
            return origin.rules


def product_token(user_agent: str) -> str:
    """Return the name that robots.txt knows us by (RFC 9309, 2.2.1).

    >>> product_token("Wirehouse/0.1 (+mailto:editor@news.example)")
    'Wirehouse'
    """
    found = _PRODUCT_TOKEN.match(user_agent)
    return found[0] if found else "*"


def read_rules(response: Response, agent: str) -> Rules:
    """Turn the answer for a robots.txt into rules (RFC 9309, 2.3.1).

    Not there, or nothing in it: all is allowed. There but not to be had: nothing is. A
    host that is too busy for its rules (429) has not said that there are none.
    """
    if response.outcome == "ok":
        start = response.body[:PARSED_BYTES].replace(b"\0", b"")
        text = start.decode("utf-8", "replace").lstrip("\ufeff")
        return Rules(agent, Protego.parse("\n".join(_lines_for(agent, text))))
    status = response.status_code or 0
    is_missing = (
        response.outcome == "http_error" and 400 <= status < 500 and status != 429
    )
    is_empty = status == HTTPStatus.NO_CONTENT
    if is_missing or is_empty or response.outcome == "too_many_redirects":
        return Rules()
    reason = f"robots.txt could not be read: {response.reason}"
    is_host = response.outcome in _HOST_FAULTS
    outcome = response.outcome if is_host else "robots_disallowed"
    return Rules(failure=Failed(outcome=outcome, reason=reason))


def _lines_for(agent: str, text: str) -> Iterator[str]:
    """Give all other robots one name.

    The parser keeps each rule once for each robot that it is for: a file of 300 KB
    with 10,000 robots over 10,000 rules would take all memory.
    """
    for line in text.splitlines():
        found = _AGENT_LINE.match(line)
        if found is None:
            yield line
        elif found[1].strip() == "*":
            yield "User-agent: *"
        else:
            token = product_token(found[1].strip())
            is_ours = token.lower() == agent.lower()
            yield f"User-agent: {agent if is_ours else 'any-other-robot'}"
