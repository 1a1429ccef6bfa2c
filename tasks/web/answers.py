"""What an answer means: status, headers and body to an outcome. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from tasks.coding import CodingError, coding_of, decode_body
from tasks.models import Exchange, Outcome, Response
from tasks.web.faults import Failed

REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Of all others the status is the answer: 204 and 205 have no content to keep, 206 and
# 304 were not asked for.
WITH_CONTENT = frozenset(range(200, 204))
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# What servers send that do not know; browsers look at the content then
# (mimesniff.spec.whatwg.org, 7).
_UNKNOWN_TYPES = frozenset(
    {"", "*/*", "unknown/unknown", "application/unknown", "application/octet-stream"}
)
# Faults of the host rather than of one of its pages, as are 429 and 5xx.
_HOST_FAULTS: frozenset[Outcome] = frozenset(
    {"timeout", "connection_error", "dns_error", "tls_error"}
)
_TRANSFER = b"transfer-encoding"
_BUSY_STATUS = frozenset({429, 503})
MAX_RETRY_SECONDS = 3.2e9  # a century: for those who mean never
_AUTHORITY = re.compile(rb"(?:[a-z][a-z0-9+.-]*:)?//[^/?#\\]*", re.IGNORECASE)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?"
    rb"<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title"
    rb"|b|body|br|p|meta|link|article|section|main)[\s/>])",
    re.IGNORECASE,
)


def header(headers: Iterable[tuple[bytes, bytes]], name: str) -> str:
    """Return a header's value, its lines joined by commas (RFC 9110, 5.3), or ""."""
    key = name.lower().encode()
    size = len(key)
    lines = [v for field, v in headers if len(field) == size and field.lower() == key]
    return b", ".join(lines).decode("latin-1").strip(" \t")


def location_of(answer: Exchange) -> str | None:
    """Return where a redirect points; None if it does not say.

    Servers send UTF-8 there, against the standard; in what is not, a host is Latin-1,
    and the rest goes back to them byte for byte, as browsers send it.
    """
    for name, value in answer.headers:
        if name.lower() == b"location" and value.strip():
            try:
                return value.decode().strip()
            except UnicodeDecodeError:
                return _escaped(value.strip())
    return None


def _escaped(location: bytes) -> str:
    start = _AUTHORITY.match(location)
    end = start.end() if start else 0
    rest = (chr(b) if b < 0x80 else f"%{b:02X}" for b in location[end:])
    return location[:end].decode("latin-1") + "".join(rest)


def judge(
    answer: Exchange, fault: Failed | None, max_bytes: int, *, is_conditional: bool
) -> tuple[Outcome, str, bytes]:
    """Decide on an answer that is no redirect: outcome, reason and decoded body.

    *fault* is what happened to the body, *is_conditional* whether 304 was asked for.
    Raises `Failed` where there is nothing to keep.
    """
    status = answer.status_code
    reason = f"answered {_phrase(status)}"
    if status == HTTPStatus.NOT_MODIFIED and is_conditional:
        return "not_modified", reason, b""
    if status >= HTTPStatus.BAD_REQUEST:
        return "http_error", reason, _body_if_any(answer, fault, max_bytes)
    if status in REDIRECTS:
        raise Failed(outcome="bad_response", reason=f"{reason} without saying where to")
    if status not in WITH_CONTENT:
        raise Failed(
            outcome="bad_response",
            reason=f"{reason}, which is no answer to this request",
        )
    if fault is not None:
        raise fault
    return "ok", reason, _body(answer, max_bytes)


def is_html(content_type: str, body: bytes) -> bool:
    r"""Tell whether a page is HTML: by its type or, where that says nothing, its start.

    >>> is_html("text/html; charset=utf-8", b"")
    True
    >>> is_html("", b"\n<!DOCTYPE html><title>News</title>")
    True
    >>> is_html("application/pdf", b"<html>")
    False
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in HTML_TYPES:
        return True
    # Without NULs, UTF-16 reads like ASCII here.
    start = body[:1024].replace(b"\0", b"")
    return kind in _UNKNOWN_TYPES and _HTML_START.match(start) is not None


def is_busy(response: Response) -> bool:
    """Tell whether a host says that it has too much to do."""
    return response.outcome == "http_error" and response.status_code in _BUSY_STATUS


def is_host_fault(response: Response) -> bool:
    """Tell whether the host failed, rather than one of its pages."""
    if response.outcome == "http_error":
        return is_busy(response) or (response.status_code or 0) >= 500
    return response.outcome in _HOST_FAULTS


def retry_at(response: Response, now: datetime) -> datetime | None:
    """Return when a busy host may be asked again, if it says so.

    `Retry-After` is in seconds or a date (RFC 9110, 10.2.3); what is neither says
    nothing.
    """
    value = header(response.headers, "retry-after") if is_busy(response) else ""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return now + timedelta(seconds=min(float(value), MAX_RETRY_SECONDS))
    try:
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(now, moment.astimezone(UTC))
    except (ValueError, TypeError, OverflowError):
        return None


def _body(answer: Exchange, max_bytes: int) -> bytes:
    transfer = header(answer.headers, "transfer-encoding").lower()
    is_named = any(name.lower() == _TRANSFER for name, _ in answer.headers)
    # As the parser reads it, which takes the chunks' marks out for nothing else.
    if is_named and transfer not in {"chunked", "identity"}:
        reason = f"the transfer coding {transfer!r} was not asked for"
        raise Failed(outcome="bad_response", reason=reason)
    coding = coding_of(answer.headers, answer.raw_body)
    try:
        return decode_body(answer.raw_body, coding, max_bytes)
    except CodingError as error:
        raise Failed(outcome=error.outcome, reason=str(error)) from None


def _body_if_any(answer: Exchange, fault: Failed | None, max_bytes: int) -> bytes:
    """Return an error page, or nothing where it cannot be read: the status counts."""
    if fault is not None:
        return b""
    try:
        return _body(answer, max_bytes)
    except Failed:
        return b""


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
