"""Names to sockets: the resolver, the sockets and the transport below the client.

The guard is asked twice: when a name is looked up, so that only good addresses are
tried, and when a socket is made, because that is the address truly dialled, whatever
aiohttp did in between (it does not call a resolver for an address in numbers).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network
from typing import cast

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace
from yarl import URL

from tasks.settings import FetchSettings
from tasks.urls import split_address
from tasks.web.faults import BlockedAddressError, TooSlowError
from tasks.web.guard import ALLOW, verdict
from tasks.web.incoming import INTERIM, Incoming
from tasks.web.targets import LOOPBACK, Detours, is_loopback_name
from tasks.web.tls import TellingConnection

Lookup = Callable[[str], Sequence[str]]

# Within a run a name keeps its address: fewer lookups, and nothing to rebind.
LOOKUP_SECONDS = 300
# Real sites send policies of up to 16 KB in one field; 128 fields bound the whole.
MAX_HEADER_BYTES = 32_768
MAX_HEADERS = 128
# Where to connect to is remembered for so many, at 3 KB each.
MAX_ORIGINS = 1_000
# The client above has the deadline.
_NO_LIMIT = aiohttp.ClientTimeout(total=None)


def look_up(host: str) -> list[str]:
    """Return the addresses of a name; raises `socket.gaierror`.

    Names that must not leave the machine are answered here: `invalid` and `localhost`
    (RFC 6761, 6.3 and 6.4) and `onion` (RFC 7686).
    """
    top = host.lower().rstrip(".").rpartition(".")[2]
    if top in {"invalid", "onion"}:
        raise socket.gaierror(socket.EAI_NONAME, "a name that never resolves")
    if is_loopback_name(host):
        return list(LOOPBACK)
    rows = socket.getaddrinfo(
        # As bytes, since text goes through a codec with an opinion on label lengths.
        host.encode("ascii"),
        None,
        type=socket.SOCK_STREAM,
        flags=socket.AI_ADDRCONFIG,
    )
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


@asynccontextmanager
async def open_wire(
    settings: FetchSettings, tls: ssl.SSLContext, lookup: Lookup
) -> AsyncIterator[Wire]:
    """Open the transport; raises `ValueError` for a bad `connect_to`."""
    networks = settings.allowed_networks
    tls.sslobject_class = TellingConnection
    detours, seconds = Detours(settings.connect_to), settings.connect_seconds
    connector = _Connector(detours, networks, tls, lookup, seconds)
    async with connector:
        yield Wire(connector)


class Wire(httpx.AsyncBaseTransport):
    """Requests and answers over aiohttp's connections and its parser.

    Its client is left out: it builds each address and header anew, which breaks signed
    addresses, asks a host that hung up a second time at once without telling, and takes
    longer than all the rest. Responses carry the dialled address as the extension
    `peer`.
    """

    def __init__(self, connector: _Connector) -> None:
        self._connector = connector
        # Tells the connector of one host after the other where to connect to.
        self._request_of = lru_cache(maxsize=MAX_ORIGINS)(_connection_request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*, whose extension `url` is the exact address."""
        origin, target = split_address(request.extensions["url"])
        head = _head(request, target)
        connection = await self._connector.connect(
            self._request_of(origin), traces=[], timeout=_NO_LIMIT
        )
        try:
            return await _converse(connection, head)
        except BaseException:
            connection.close()
            raise


def _connection_request(origin: str) -> aiohttp.ClientRequest:
    return aiohttp.ClientRequest("GET", URL(origin, encoded=True))


def _head(request: httpx.Request, target: str) -> bytes:
    """Return the bytes of a request without a body."""
    line = f"{request.method} {target} HTTP/1.1".encode("ascii")
    lines = [line, *[name + b": " + value for name, value in request.headers.raw]]
    head = b"\r\n".join(lines)
    if head.count(b"\n") >= len(lines) or head.count(b"\r") >= len(lines):
        msg = "it holds a line break"
        raise ValueError(msg)
    return head + b"\r\n\r\n"


async def _converse(connection: Connection, head: bytes) -> httpx.Response:
    """Send *head* and wait for the answer to begin."""
    protocol = cast("Incoming", connection.protocol)
    protocol.set_response_params(
        read_until_eof=True,
        auto_decompress=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )
    transport = protocol.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError
    transport.write(head)
    message, body = await protocol.read()
    while message.code in INTERIM:
        message, body = await protocol.read()
    return httpx.Response(
        message.code,
        headers=message.raw_headers,
        stream=_Body(connection, body),
        extensions={"peer": protocol.peer, "reason": message.reason or ""},
    )


class _Body(httpx.AsyncByteStream):
    """A body as it comes, which gives its connection back when it is closed."""

    def __init__(self, connection: Connection, content: StreamReader) -> None:
        self._connection = connection
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self._content.readany():
            yield chunk

    async def aclose(self) -> None:
        """Let the next request have the connection, if the body was read to its end."""
        self._connection.release()


class _Vouched(str):
    """An address that `connect_to` named for this very host.

    The exemption travels with the value: the same address spelled by anybody else, or
    found behind another name, is an ordinary string and meets the guard.
    """

    __slots__ = ()


class _Connector(aiohttp.TCPConnector):
    """Dials what the guard allows and where `connect_to` points, nothing else."""

    def __init__(
        self,
        detours: Detours,
        networks: Sequence[IPv4Network | IPv6Network],
        tls: ssl.SSLContext,
        lookup: Lookup,
        seconds: float,
    ) -> None:
        self._detours = detours
        self._networks = networks
        self._seconds = seconds
        super().__init__(
            resolver=_Resolver(networks, lookup),
            socket_factory=self._open_socket,
            ssl=tls,
            limit=0,  # politeness counts, and per host
            ttl_dns_cache=LOOKUP_SECONDS,
        )
        self._factory = cast(
            "partial[ResponseHandler]", partial(Incoming, loop=self._loop)
        )

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        # What lies on an idle connection is the end, or answers nobody's question.
        for kept, _ in self._conns.get(key, ()):
            if isinstance(kept, Incoming) and kept.has_more():
                kept.close()
        return await super()._get(key, traces)

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the library's signature
    ) -> ResponseHandler:
        # The name, the address and TLS: most dead hosts are mute at one of them.
        try:
            async with asyncio.timeout(self._seconds):
                return await super()._create_connection(req, traces, timeout)
        except TimeoutError:
            msg = f"{self._seconds:g} s"
            raise TooSlowError(msg) from None

    async def _resolve_host(
        self, host: str, port: int, traces: Sequence[Trace] | None = None
    ) -> list[ResolveResult]:
        # Overridden, since aiohttp asks no resolver for an address in numbers.
        endpoint = self._detours.find(host)
        if endpoint is not None:
            return [_result(host, _Vouched(endpoint.address), endpoint.port)]
        return await super()._resolve_host(host, port, traces)

    def _open_socket(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        host = address[0]
        if not isinstance(host, _Vouched):
            judged = verdict(str(host), allowed_networks=self._networks)
            if judged != ALLOW:
                raise BlockedAddressError(judged)
        return socket.socket(family, kind, protocol)


class _Resolver(AbstractResolver):
    """Looks names up and passes on the allowed addresses."""

    def __init__(
        self, networks: Sequence[IPv4Network | IPv6Network], lookup: Lookup
    ) -> None:
        self._networks = networks
        self._lookup = lookup

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> list[ResolveResult]:
        """Raise `BlockedAddressError` where no address of *host* is allowed."""
        del family  # both are asked for
        found = await _ask_in_thread(self._lookup, host)
        judged = {a: verdict(a, allowed_networks=self._networks) for a in found}
        good = [a for a, words in judged.items() if words == ALLOW]
        if not good:
            reason = next(iter(judged.values()), "it has no address")
            msg = f"{host} leads nowhere allowed: {reason}"
            raise BlockedAddressError(msg)
        return [_result(host, address, port) for address in good]

    async def close(self) -> None:
        """Do nothing: nothing is open."""


async def _ask_in_thread(lookup: Lookup, host: str) -> Sequence[str]:
    """Look *host* up in a thread of its own, which may be left to itself.

    A dead name server holds a thread for up to 30 s. In a pool it would keep others
    from being asked, and the program from ending.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(found: Sequence[str], error: Exception | None) -> None:
        if answer.done():  # nobody waits any more
            return
        if error is None:
            answer.set_result(found)
        else:
            answer.set_exception(error)

    def ask() -> None:
        found: Sequence[str] = ()
        error = None
        try:
            found = lookup(host)
        except Exception as caught:  # noqa: BLE001 - raised again where it is awaited
            error = caught
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, found, error)

    threading.Thread(target=ask, name="wirehouse-dns", daemon=True).start()
    return await answer


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=0
    )
