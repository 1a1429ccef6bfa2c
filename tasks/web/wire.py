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
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import cast

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.tracing import Trace
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream
from yarl import URL

from tasks.settings import FetchSettings
from tasks.web.faults import BlockedAddressError, TooSlowError
from tasks.web.guard import ALLOW, verdict
from tasks.web.incoming import Incoming
from tasks.web.targets import LOOPBACK, Detours, is_loopback_name
from tasks.web.tls import TellingConnection

Lookup = Callable[[str], Sequence[str]]

# Within a run a name keeps its address: fewer lookups, and nothing to rebind.
LOOKUP_SECONDS = 300
# Real sites send policies of up to 16 KB in one field; 128 fields bound the whole.
MAX_HEADER_BYTES = 32_768
MAX_HEADERS = 128


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
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=_Answer,
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None),  # the client above has the deadline
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )
    # It would ask a host that hung up a second time at once, and nobody would know.
    session._retry_connection = False  # noqa: SLF001 - there is no setting for it
    async with session:
        yield Wire(session, tls)


class Wire(AiohttpTransport):
    """httpx-aiohttp's transport, with the address sent as it is spelled.

    The library's own passes the address through yarl, which rewrites escapes and so
    breaks signed addresses, and maps aiohttp's errors to less telling ones. Responses
    carry the dialled address as the extension `peer`.
    """

    def __init__(self, session: aiohttp.ClientSession, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False, client=session)
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*, whose extension `url` is the exact address."""
        answer = await self._session.request(
            request.method,
            URL(request.extensions["url"], encoded=True),
            headers=[(k.decode(), v.decode()) for k, v in request.headers.raw],
            allow_redirects=False,
        )
        peer = answer.peer if isinstance(answer, _Answer) else ""
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=AiohttpResponseStream(answer),
            extensions={"peer": peer, "reason": answer.reason or ""},
        )


class _Answer(aiohttp.ClientResponse):
    """An answer that remembers whom it came from."""

    peer = ""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        # A short body ends the connection's lease before anybody could ask it.
        if isinstance(connection.protocol, Incoming):
            self.peer = connection.protocol.peer
        return await super().start(connection)


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
