"""Names to sockets: the resolver, the sockets and the transport below the client.

The guard is asked twice: when a name is looked up, so that only good addresses are
tried, and when a socket is made, because that is the address truly dialled, whatever
aiohttp did in between (it does not call a resolver for an address in numbers).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from ipaddress import IPv4Network, IPv6Network

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.tracing import Trace
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream
from yarl import URL

from tasks.settings import FetchSettings
from tasks.web.faults import BlockedAddressError
from tasks.web.guard import ALLOW, verdict
from tasks.web.targets import Detours

Lookup = Callable[[str], Sequence[str]]

# A dead name server holds a thread for 5 to 30 s; the event loop's own pool has 6.
LOOKUP_THREADS = 32
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
    if top == "localhost":
        return ["127.0.0.1", "::1"]
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
    connector = _Connector(Detours(settings.connect_to), networks, tls, lookup)
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
    try:
        async with session:
            yield Wire(session, tls)
    finally:
        connector.forget_lookups()


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
        if connection.transport is not None:
            self.peer = str(connection.transport.get_extra_info("peername")[0])
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
    ) -> None:
        self._detours = detours
        self._networks = networks
        self._lookups = _Resolver(networks, lookup)
        super().__init__(
            resolver=self._lookups,
            socket_factory=self._open_socket,
            ssl=tls,
            limit=0,  # politeness counts, and per host
            ttl_dns_cache=LOOKUP_SECONDS,
        )

    def forget_lookups(self) -> None:
        """Let go of the lookup threads, even of those that still wait."""
        self._lookups.forget()

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
    """Looks names up in threads of its own and passes on the allowed addresses."""

    def __init__(
        self, networks: Sequence[IPv4Network | IPv6Network], lookup: Lookup
    ) -> None:
        self._networks = networks
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, "wirehouse-dns")

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> list[ResolveResult]:
        """Raise `BlockedAddressError` where no address of *host* is allowed."""
        del family  # both are asked for
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._lookup, host)
        judged = {a: verdict(a, allowed_networks=self._networks) for a in found}
        good = [a for a, words in judged.items() if words == ALLOW]
        if not good:
            reason = next(iter(judged.values()), "it has no address")
            msg = f"{host} leads nowhere allowed: {reason}"
            raise BlockedAddressError(msg)
        return [_result(host, address, port) for address in good]

    async def close(self) -> None:
        """Do nothing: the connector's owner calls `forget`."""

    def forget(self) -> None:
        """End the threads without waiting for a name server that may never answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=0
    )
