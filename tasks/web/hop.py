"""One request and its answer: a hop of a visit, between two redirects."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from tempfile import SpooledTemporaryFile

from tasks.coding import ACCEPT_ENCODING
from tasks.models import Exchange, Outcome, Response
from tasks.web.answers import REDIRECTS, header
from tasks.web.faults import Failed, broke_off, explain
from tasks.web.targets import Target
from tasks.web.wire import Answer, Headers, Wire

# What a caller may add to a request. Nothing that says who we are gets through.
CALLER_HEADERS = frozenset(
    "accept accept-datetime accept-language if-modified-since if-none-match".split()
)
_CONDITIONS = frozenset({"if-modified-since", "if-none-match"})
# A body under way is kept in memory up to here, then in a file without a name: all
# bodies that may be under way at once, each as large as allowed, would take 640 MB.
SPOOL_BYTES = 262_144
# What a redirect says to readers is kept if it is small; nobody reads it.
MAX_REDIRECT_BYTES = 65_536


@dataclass(slots=True)
class Visit:
    """A URL on its way to a `Response`: what to ask, what is left, what was seen.

    Conditions in *headers* are for *validated_url* alone, for any address if None.
    """

    url: str
    headers: Mapping[str, str]
    max_bytes: int
    seconds_left: float
    final_url: str
    validated_url: str | None = None
    seconds_spent: float = 0.0
    status_code: int | None = None
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def is_conditional(self) -> bool:
        """Whether 304 is an answer to expect, from where the visit is now."""
        if self.validated_url not in {None, self.final_url}:
            return False
        return any(name.lower() in _CONDITIONS for name in self.headers)

    def response(self, outcome: Outcome, reason: str, body: bytes = b"") -> Response:
        """Close the visit with its outcome."""
        is_whole = outcome in {"ok", "http_error", "not_modified"}
        return Response(
            url=self.url,
            final_url=self.final_url,
            outcome=outcome,
            reason=reason,
            elapsed_ms=round(self.seconds_spent * 1000),
            status_code=self.status_code,
            headers=self.exchanges[-1].headers if is_whole else (),
            body=body,
            exchanges=tuple(self.exchanges),
        )


class Hops:
    """Sends requests, one at a time per visit; *clock* stamps them."""

    def __init__(
        self, wire: Wire, user_agent: str, clock: Callable[[], datetime]
    ) -> None:
        self._wire = wire
        self._user_agent = user_agent
        self._clock = clock

    async def ask(self, visit: Visit, target: Target) -> Failed | None:
        """Add one exchange to *visit*; return what is wrong with its body, if anything.

        Whether such a fault matters depends on the status: a redirect needs no body.
        Raises `Failed` where no answer came.
        """
        headers = self._headers(visit, target)
        requested_at = self._clock()
        answer = await self._send(target, headers)
        visit.status_code = answer.status_code
        raw, fault = b"", None
        limit = visit.max_bytes
        if answer.status_code in REDIRECTS:
            limit = min(limit, MAX_REDIRECT_BYTES)
        try:
            raw = await _read(answer, limit)
        except Failed as failed:
            # Without its traceback: that holds this frame, which would hold it.
            fault = failed.with_traceback(None)
        finally:
            # Gives the connection back, or ends it if the body was left unread.
            with contextlib.suppress(Exception):
                answer.close()
        exchange = Exchange(
            url=target.url,
            address=answer.address,
            requested_at=requested_at,
            request_headers=headers,
            status_code=answer.status_code,
            reason_phrase=answer.reason_phrase,
            headers=answer.headers,
            raw_body=raw,
        )
        visit.exchanges.append(exchange)
        return fault

    def _headers(self, visit: Visit, target: Target) -> Headers:
        headers = {
            "Host": target.authority,
            "User-Agent": self._user_agent,
            "Accept": "*/*",
            "Accept-Encoding": ACCEPT_ENCODING,
            "Connection": "keep-alive",  # for servers that still speak HTTP/1.0
        }
        allowed = CALLER_HEADERS
        if not visit.is_conditional:
            allowed -= _CONDITIONS
        for name, value in visit.headers.items():
            is_clean = value.isascii() and value.isprintable()
            if name.lower() in allowed and is_clean:
                headers[name.title()] = value
        return tuple((name.encode(), value.encode()) for name, value in headers.items())

    async def _send(self, target: Target, headers: Headers) -> Answer:
        try:
            return await self._wire.ask(target.url, headers)
        except Exception as error:  # noqa: BLE001 - a server can make any library raise
            raise explain(error, target.place) from None


async def _read(answer: Answer, max_bytes: int) -> bytes:
    """Return the body in its content coding; raises `Failed` where it is not whole."""
    length = header(answer.headers, "content-length")
    declared = int(length) if length.isascii() and length.isdigit() else None
    if declared is not None and declared > max_bytes:
        reason = f"the body is {declared:,} bytes, allowed are {max_bytes:,}"
        raise Failed(outcome="too_large", reason=reason)
    received = 0
    with SpooledTemporaryFile(SPOOL_BYTES) as body:
        while chunk := await _read_more(answer, received, declared):
            body.write(chunk)
            received += len(chunk)
            if received > max_bytes:
                reason = f"the body is more than the {max_bytes:,} bytes allowed"
                raise Failed(outcome="too_large", reason=reason)
        body.seek(0)
        return body.read()


async def _read_more(answer: Answer, received: int, declared: int | None) -> bytes:
    """Return what comes next; raises `Failed` where the body breaks off."""
    try:
        return await answer.read()
    except Exception as error:  # noqa: BLE001 - as above
        raise broke_off(error, received, declared) from None
