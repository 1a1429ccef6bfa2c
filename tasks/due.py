"""When a page or an image is due again, and which addresses are tried. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tasks.models import DuePage, Outcome, PageRequest, Via
from tasks.settings import FetchSettings
from tasks.urls import host_of

# A restart takes minutes, an outage hours, a move for good shows within days.
FIRST_WAIT = timedelta(minutes=15)
WAIT_FACTOR = 4
_CAPTURED: frozenset[Outcome] = frozenset({"ok", "not_modified"})
_PASSING: frozenset[Outcome] = frozenset(
    {"timeout", "connection_error", "dns_error", "bad_response", "truncated"}
)
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


def is_captured(outcomes: Iterable[Outcome]) -> bool:
    """Tell whether one of a page's tries got it."""
    return any(outcome in _CAPTURED for outcome in outcomes)


def next_moment(
    tries: Iterable[tuple[Outcome, int | None]],
    failures: int,
    moment: datetime,
    after_days: float,
) -> datetime:
    """Return when something is due again whose *tries* ended so, each with its status.

    What was got, or is gone for good, is due after *after_days*. A passing fault is
    tried again after 15 minutes, and four times later for each of the *failures* that
    went before, but never later than that.
    """
    longest = timedelta(days=after_days)
    tries = list(tries)
    if is_captured(outcome for outcome, _ in tries) or not any(
        outcome in _PASSING or status in _PASSING_STATUS for outcome, status in tries
    ):
        return moment + longest
    wait: timedelta = FIRST_WAIT * WAIT_FACTOR ** min(failures, 10)
    return moment + min(wait, longest)


def page_request(page: DuePage, settings: FetchSettings) -> PageRequest:
    """Say which addresses to try for a page, in order, each with its route."""
    addresses: list[tuple[Via, str]] = [("origin", page.url)]
    for fallback in settings.fallbacks:
        if fallback == "amp" and page.amp_url:
            addresses.append(("amp", page.amp_url))
        elif fallback == "cdn_amp" and page.cdn_amp_url:
            addresses.append(("cdn_amp", page.cdn_amp_url))
        elif fallback == "archive" and settings.archive_url:
            addresses.append(("archive", _archive_address(page, settings.archive_url)))
    return PageRequest(
        page.article_id,
        tuple(addresses),
        page.attempts + 1,
        page.etag,
        page.last_modified,
    )


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
