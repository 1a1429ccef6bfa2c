"""What web archives answer: raw forms, and the headers of the page they saved. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from tasks.models import Response
from tasks.web.answers import header

# As the Wayback Machine and pywb spell it: collection, moment, modifier, address. The
# modifier `id_` asks for the page as it was saved, without the archive's own markup.
_MEMENTO = re.compile(
    r"((?:https?://[^/]+)?/(?:[^/]+/)+[0-9]{4,14})((?:[a-z]{2}_)?)/(https?:/.*)",
    re.DOTALL,
)


def when_wanted(published_at: datetime | None) -> dict[str, str]:
    """Return the header that asks for the copy nearest to a moment (RFC 7089, 2.1)."""
    if published_at is None:
        return {}
    moment = published_at.astimezone(UTC)
    return {"Accept-Datetime": format_datetime(moment, usegmt=True)}


def raw_address(url: str) -> str:
    """Return the raw form of a copy's address; any other address as it is.

    >>> raw_address("/web/20200611234100/https://news.example/a")
    '/web/20200611234100id_/https://news.example/a'
    """
    found = _MEMENTO.fullmatch(url)
    return f"{found[1]}id_/{found[3]}" if found and not found[2] else url


def saved_address(url: str) -> str:
    """Return whose copy *url* is; an address that names no page as it is.

    >>> saved_address("https://archive.example/web/20200611id_/https://news.example/a")
    'https://news.example/a'
    """
    found = _MEMENTO.fullmatch(url)
    return re.sub("^(https?):/+", r"\1://", found[3]) if found else url


def as_saved(response: Response) -> Response:
    """Give a copy the type that its page had, and tell when it was saved."""
    kind = header(response.headers, "x-archive-orig-content-type")
    headers = response.headers
    if kind:
        own = [pair for pair in headers if pair[0].lower() != b"content-type"]
        headers = (*own, (b"Content-Type", kind.encode("latin-1")))
    saved_at = _moment(header(headers, "memento-datetime"))
    words = f", a copy of {saved_at:%Y-%m-%d %H:%M} UTC" if saved_at else ""
    return replace(response, headers=headers, reason=response.reason + words)


def _moment(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
