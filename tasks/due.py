"""When a page or an image is due again, and which addresses are tried. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tasks.models import DuePage, Outcome, PageRequest, Via
from tasks.settings import FetchSettings
from tasks.urls import fetch_url, host_of, without_credentials
from tasks.values import dataclass
from tasks.web.guard import ALLOW, verdict

# A restart takes minutes, an outage hours, a move for good shows within days.
FIRST_WAIT = timedelta(minutes=15)
WAIT_FACTOR = 4
# What lasts is waited for ever longer, too, but from the usual days on.
LASTING_FACTOR = 2
MAX_EXPONENT = 14  # of a factor; a century is reached, and no overflow
# Waits are up to a tenth longer, each by its own share: what was fetched together is
# not due again in one second.
SPREAD = 0.1

_CAPTURED: frozenset[Outcome] = frozenset({"ok", "not_modified"})
_PASSING: frozenset[Outcome] = frozenset(
    {"timeout", "connection_error", "dns_error", "truncated"}
)
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
# How reasons begin or end that tell what the outcome alone does not; tests hold them to
# the words of the rooms that say them.
_NO_SUCH_HOST = re.compile(r"the name \S+ (?:does not exist|has no address)")
_UNREAD_ROBOTS = "robots.txt could not be read"
# Names that are known within a network alone (RFC 6761, 6.3; RFC 6762, 3 and G; RFC
# 8375; ICANN, 2024-07-29).
_INNER_NAMES = frozenset(
    "localhost local internal intranet private corp home lan arpa".split()
)


@dataclass(frozen=True, slots=True)
class Try:
    """How one address answered; *not_before* is when its host lets us come back.

    Unless *is_online*, no host at all had answered by then: the resolver of a machine
    that is cut off may say of any name that it does not exist.
    """

    outcome: Outcome
    status_code: int | None = None
    reason: str = ""
    via: Via = "origin"
    not_before: datetime | None = None
    is_online: bool = True

    @property
    def is_passing(self) -> bool:
        """Whether the fault may be over soon."""
        if self.outcome == "http_error":
            return self.status_code in _PASSING_STATUS
        if self.outcome == "dns_error":
            return not self.is_online or _NO_SUCH_HOST.search(self.reason) is None
        if self.outcome == "robots_disallowed":
            return _UNREAD_ROBOTS in self.reason
        # Where there is a status it was an answer, though none that is of use.
        is_garbled = self.outcome == "bad_response" and self.status_code is None
        return is_garbled or self.outcome in _PASSING


def is_captured(outcomes: Iterable[Outcome]) -> bool:
    """Tell whether one of a page's tries got it."""
    return any(outcome in _CAPTURED for outcome in outcomes)


def next_moment(
    tries: Iterable[Try],
    *,
    key: UUID,
    failures: int,
    moment: datetime,
    usual_days: float,
    longest_days: float,
) -> datetime:
    """Return when something is due again whose *tries* ended so at *moment*.

    What its own address gave is due after *usual_days*. A passing fault is tried again
    after 15 minutes, and four times later for each of the *failures* in a row that went
    before, but no later than that. What is gone for good, and what only a fallback had,
    is due after *usual_days*, twice that, and so on, but no later than *longest_days*.
    No host is asked before it wants to be, within *longest_days*. *key* decides on the
    spread.
    """
    tries = list(tries)
    usual = timedelta(days=usual_days)
    longest = max(usual, timedelta(days=longest_days))
    wait = _wait(tries, min(failures, MAX_EXPONENT), usual, longest)
    wanted = max((t.not_before for t in tries if t.not_before), default=moment)
    due = max(moment + wait, min(wanted, moment + longest))
    return due + wait * (SPREAD * (key.int % 1_000) / 1_000)


def _wait(
    tries: list[Try], failures: int, usual: timedelta, longest: timedelta
) -> timedelta:
    if is_captured(t.outcome for t in tries if t.via == "origin"):
        return usual
    is_saved = is_captured(t.outcome for t in tries)
    if not is_saved and any(t.is_passing for t in tries):
        passing: timedelta = FIRST_WAIT * WAIT_FACTOR**failures
        return min(passing, usual)
    doublings: int = LASTING_FACTOR**failures
    return min(usual * doublings, longest)


def page_request(page: DuePage, settings: FetchSettings) -> PageRequest:
    """Say which addresses to try for a page, in order, each with its route, once."""
    addresses: list[tuple[Via, str]] = [("origin", page.url)]
    for fallback in settings.fallbacks:
        if fallback == "amp" and page.amp_url:
            addresses.append(("amp", page.amp_url))
        elif fallback == "cdn_amp" and page.cdn_amp_url:
            addresses.append(("cdn_amp", page.cdn_amp_url))
        elif fallback == "archive" and settings.archive_url and _may_tell(page.url):
            addresses.append(("archive", _archive_address(page, settings.archive_url)))
    routes: dict[str, tuple[Via, str]] = {}
    for via, url in addresses:
        routes.setdefault(_spelling(url), (via, url))
    return PageRequest(
        page.article_id,
        tuple(routes.values()),
        page.attempts + 1,
        page.etag,
        page.last_modified,
        page.validated_url,
        page.published_at,
        page.failures,
    )


def _may_tell(url: str) -> bool:
    """Tell whether a stranger may learn of *url*: it holds no secret, no inner host.

    No archive could have its page, which only those see who are let in.
    """
    try:
        spelled = fetch_url(url)
        host = host_of(spelled).strip("[]").rstrip(".")
    except ValueError:
        return False
    if without_credentials(spelled) != spelled:
        return False
    name, _, top = host.rpartition(".")
    if ":" in host or top.isdigit():
        return verdict(host) == ALLOW
    return name != "" and top not in _INNER_NAMES


def _spelling(url: str) -> str:
    try:
        return fetch_url(url)
    except ValueError:
        return url


def by_host(pages: Iterable[DuePage], size: int) -> list[list[DuePage]]:
    """Cut *pages* into batches of about *size*, all pages of a host in a row.

    A host with many pages is spread over batches, so that none waits for it alone.
    """
    hosts: dict[str, list[DuePage]] = {}
    for page in pages:
        hosts.setdefault(host_key(page.url), []).append(page)
    ordered = [page for host in hosts.values() for page in host]
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def host_key(url: str) -> str:
    """Return the host whose turn a page waits for; "" for an address without one."""
    try:
        return host_of(url)
    except ValueError:
        return ""


def _archive_address(page: DuePage, template: str) -> str:
    """Ask for the copy nearest to the publication; the newest if that is unknown."""
    moment = page.published_at or datetime.max.replace(tzinfo=UTC)
    timestamp = moment.astimezone(UTC).strftime("%Y%m%d%H%M%S").zfill(14)
    return template.format(timestamp=timestamp, url=page.url)
