"""What comes in on a connection, within limits: aiohttp's protocol, made distrustful.

The library's own believes in good servers. It reads a head and what wraps a body
without end, forgets a head when something is wrong with the body that came with it,
takes a reset for the end of a body, and hands what a server sent unasked to whoever
asks next on the same connection.
"""

from __future__ import annotations

import asyncio
import re
import select
import ssl
from http import HTTPStatus
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import _EXC_SENTINEL as _NO_CAUSE
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from tasks.web.faults import CutOffError, FloodError
from tasks.web.tls import TellingConnection

# All lines before a body, those of interim answers included; as Chrome allows.
MAX_HEAD_BYTES = 262_144
# What may come around the chunks of a body, beside as much as the body itself: sizes,
# extensions, trailers. Chunks of four bytes and more stay below it at any length.
MAX_FRAMING_BYTES = 1_000_000

_HEAD_END = re.compile(rb"\r?\n\r?\n")
# Answers after which another one comes, as the library reads them.
INTERIM = frozenset(range(100, 200)) - {HTTPStatus.SWITCHING_PROTOCOLS}
_SEAM_BYTES = 3  # one less than the longest end


class Incoming(ResponseHandler):
    """One connection; *peer* is the address that was dialled."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.peer = ""
        self._tls: ssl.SSLObject | None = None
        self._failure: BaseException | None = None
        self._body: StreamReader | None = None  # None while the head is to come
        self._is_chunked = False
        self._bytes_left: int | None = None  # of a body that is counted
        self._head_bytes = 0
        self._body_bytes = 0
        self._seam = b""  # the end of what came last: a head's end may be cut in two
        self._ends_blank = True
        self._is_spoilt = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who is there: a connection that broke off cannot tell."""
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        self._tls = transport.get_extra_info("ssl_object")
        super().connection_made(transport)

    def set_response_params(self, **params: Any) -> None:
        """Begin to wait for an answer."""
        self._body, self._is_chunked, self._bytes_left = None, False, None
        self._head_bytes, self._body_bytes, self._seam = 0, 0, b""
        self._ends_blank, self._is_spoilt = True, False
        super().set_response_params(**params)

    def has_more(self) -> bool:
        """Tell whether something lies there that nobody has asked for, or the end."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return True
        poll = select.poll()
        poll.register(transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    def data_received(self, data: bytes) -> None:
        """Parse heads and bodies apart: what is wrong with one costs not the other."""
        if not data:  # the library takes up what it had put aside
            super().data_received(data)
        while data and self._failure is None:
            if self._body is None:
                data = self._receive_head(data)
            else:
                self._receive_body(data, self._body)
                break
        self._look_behind()

    def feed_data(
        self, data: tuple[RawResponseMessage, StreamReader], size: int = 0
    ) -> None:
        """Take a message from the parser; nobody asked for one after the answer."""
        message, payload = data
        if self._body is not None:
            self._is_spoilt = True
            return
        if message.code not in INTERIM:
            self._begin_body(message, payload)
        super().feed_data(data, size)

    def set_exception(
        self, exc: BaseException, exc_cause: BaseException = _NO_CAUSE
    ) -> None:
        """Remember what is wrong: the library forgets it when it closes."""
        self._failure = exc
        super().set_exception(exc, exc_cause)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell a body that was cut off from one that ends with its connection."""
        body = self._body
        if body is not None and not body.is_eof() and self._is_unclean(exc):
            body.set_exception(CutOffError("the connection was cut off"))
        super().connection_lost(exc)

    def _begin_body(self, message: RawResponseMessage, payload: StreamReader) -> None:
        self._body = payload
        self._is_chunked = message.chunked
        length = message.headers.get("Content-Length")
        if length is not None and not message.chunked:
            self._bytes_left = int(length)

    def _receive_head(self, data: bytes) -> bytes:
        """Parse up to the end of the head, if it is there, and return the rest."""
        found = _HEAD_END.search(self._seam + data)
        end = found.end() - len(self._seam) if found else len(data)
        self._head_bytes += end
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(f"more than {MAX_HEAD_BYTES:,} bytes came before a body")
            return b""
        self._seam = b"" if found else (self._seam + data)[-_SEAM_BYTES:]
        super().data_received(data[:end])
        return data[end:]

    def _receive_body(self, data: bytes, body: StreamReader) -> None:
        if body.is_eof():
            self._is_spoilt = True
            return
        if self._bytes_left is not None:
            if len(data) > self._bytes_left:
                data = data[: self._bytes_left]
                self.force_close()  # now: once the body is whole, it is too late
            self._bytes_left -= len(data)
        self._ends_blank = data.endswith((b"\n\r\n", b"\n\n"))
        self._body_bytes += len(data)
        super().data_received(data)
        framing = self._body_bytes - body.total_bytes
        if self._is_chunked and framing > MAX_FRAMING_BYTES + body.total_bytes:
            self._refuse(
                f"{framing:,} bytes came around {body.total_bytes:,} of a body"
            )

    def _look_behind(self) -> None:
        """After each step: pass on what is wrong, and let go of what is spoilt."""
        body = self._body
        if body is None:
            return
        if not body.is_eof():
            if self._failure is not None:  # the library tells its queue alone
                body.set_exception(self._failure)
        elif self._is_spoilt or (self._is_chunked and not self._ends_blank):
            self.close()
        elif self._failure is not None:
            self._payload = None  # what came after the body does it no harm

    def _refuse(self, reason: str) -> None:
        self.set_exception(FloodError(reason))
        if self.transport is not None:
            self.transport.abort()

    def _is_unclean(self, exc: BaseException | None) -> bool:
        """Whether this end is the end of no message (RFC 9112, 9.8)."""
        if exc is not None:
            return True
        return isinstance(self._tls, TellingConnection) and not self._tls.said_goodbye
