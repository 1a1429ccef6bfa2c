"""One request and its answer: a hop of a visit, between two redirects."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Self, cast

import httpx

from tasks.coding import ACCEPT_ENCODING
from tasks.models import Exchange, Outcome, Response
from tasks.web.answers import REDIRECTS, WITH_CONTENT, header
from tasks.web.faults import Failed, broke_off, explain
from tasks.web.targets import Target

# What a caller may add to a request. Nothing that says who we are gets through.
CALLER_HEADERS = frozenset(
    "accept accept-datetime accept-language if-modified-since if-none-match".split()
)
_CONDITIONS = frozenset({"if-modified-since", "if-none-match"})
# A body under way is kept in memory up to here, then in a file without a name: all
# bodies that may be under way at once, each as large as allowed, would take 640 MB.
SPOOL_BYTES = 262_144
# Put together before there are more: a body in single bytes would take forty times its
# size.
MAX_PIECES = 1_000
# What a redirect says to readers is kept if it is small; nobody reads it.
MAX_REDIRECT_BYTES = 65_536
# And so long is waited for the body of any answer whose status says all: some servers
# announce a body there that never comes.
ASIDE_SECONDS = 2.0
# httpx refuses hosts that exist (`💩.la`) and rewrites escapes, which breaks signed
# addresses. The transport sends the extension `url`, so it need not see any of them.
_STAND_IN = httpx.URL("http://stand-in.invalid/")
_NO_BODY = httpx.ByteStream(b"")


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
    """Sends requests, one at a time per visit; *clock* stamps them.

    There is no httpx client above the transport: it reads cookies, and builds the next
    request from a redirect's address, before anybody could judge either.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        user_agent: str,
        clock: Callable[[], datetime],
    ) -> None:
        # Not a client of httpx: cookies, redirects, credentials and defaults are all
        # that it would add, and an eighth of the CPU.
        self._transport = transport
        self._user_agent = user_agent
        self._clock = clock

    async def ask(self, visit: Visit, target: Target) -> Failed | None:
        """Add one exchange to *visit*; return what is wrong with its body, if anything.

        Whether such a fault matters depends on the status: a redirect needs no body.
        Raises `Failed` where no answer came.
        """
        request = self._request(visit, target)
        requested_at = self._clock()
        response = await self._send(request, target)
        visit.status_code = response.status_code
        raw, fault = b"", None
        limit = visit.max_bytes
        if response.status_code in REDIRECTS:
            limit = min(limit, MAX_REDIRECT_BYTES)
        is_wanted = response.status_code in WITH_CONTENT
        try:
            async with asyncio.timeout(None if is_wanted else ASIDE_SECONDS):
                raw = await _read(response, limit)
        except TimeoutError:
            reason = f"no complete body within {ASIDE_SECONDS:g} s"
            fault = Failed(outcome="timeout", reason=reason)
        except Failed as failed:
            # Without its traceback: that holds this frame, which would hold it.
            fault = failed.with_traceback(None)
        finally:
            await _close(response)
        visit.exchanges.append(_exchange(request, requested_at, response, raw))
        return fault

    def _request(self, visit: Visit, target: Target) -> httpx.Request:
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
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        # With a stream, httpx adds no headers of its own.
        return httpx.Request(
            "GET",
            _STAND_IN,
            headers=lines,
            stream=_NO_BODY,
            extensions={"url": target.url},
        )

    async def _send(self, request: httpx.Request, target: Target) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except Exception as error:  # noqa: BLE001 - a server can make any library raise
            raise explain(error, target.place) from None


def _exchange(
    request: httpx.Request, requested_at: datetime, response: httpx.Response, raw: bytes
) -> Exchange:
    return Exchange(
        url=request.extensions["url"],
        address=response.extensions["peer"],
        requested_at=requested_at,
        request_headers=tuple(request.headers.raw),
        status_code=response.status_code,
        reason_phrase=response.extensions["reason"],
        headers=tuple(response.headers.raw),
        raw_body=raw,
    )


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """Return the body in its content coding; raises `Failed` where it is not whole."""
    length = header(response.headers.raw, "content-length")
    declared = int(length) if length.isascii() and length.isdigit() else None
    if declared is not None and declared > max_bytes:
        reason = f"the body is {declared:,} bytes, allowed are {max_bytes:,}"
        raise Failed(outcome="too_large", reason=reason)
    with _Gathered() as body:
        async for chunk in _chunks(response, declared):
            body.add(chunk)
            if body.size > max_bytes:
                reason = f"the body is more than the {max_bytes:,} bytes allowed"
                raise Failed(outcome="too_large", reason=reason)
        return body.whole()


class _Gathered:
    """A body as it comes, in memory up to `SPOOL_BYTES`.

    In pieces, which are put together once: the standard library's file of this kind
    grows piece by piece, and took 0.2 ms for an image of 170 KB.
    """

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self._file is not None:
            self._file.write(piece)
            return
        self._pieces.append(piece)
        if self.size > SPOOL_BYTES:
            self._file = TemporaryFile()  # noqa: SIM115 - closed with this
            self._file.writelines(self._pieces)
            self._pieces.clear()
        elif len(self._pieces) > MAX_PIECES:
            self._pieces = [b"".join(self._pieces)]

    def whole(self) -> bytes:
        if self._file is None:
            return b"".join(self._pieces)
        self._file.seek(0)
        return self._file.read()


async def _chunks(
    response: httpx.Response, declared: int | None
) -> AsyncGenerator[bytes]:
    """Pass the body on as it comes; raises `Failed` where it breaks off."""
    received = 0
    try:
        async for chunk in cast("httpx.AsyncByteStream", response.stream):
            received += len(chunk)
            yield chunk
    except Exception as error:  # noqa: BLE001 - as above
        raise broke_off(error, received, declared) from None


async def _close(response: httpx.Response) -> None:
    """Give the connection back, or end it if the body was left unread."""
    with contextlib.suppress(Exception):
        await response.aclose()
