"""What an address asks us to dial, and whether it may name it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address

import ada_url

from tasks.urls import PLAIN_ORIGIN, fetch_url, join_url, without_credentials
from tasks.values import dataclass
from tasks.web.faults import Failed

_DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = ("127.0.0.1", "::1")
_MAX_SHOWN = 200  # characters of an address in a reason; a server may send 30,000


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be asked for; *host* has no brackets, *url* no fragment.

    *authority* is the value of the header `Host`.
    """

    url: str
    authority: str
    host: str
    port: int

    @property
    def place(self) -> str:
        """The host and port, as a reason names them."""
        return f"{self.host}:{self.port}"

    @property
    def known_addresses(self) -> tuple[str, ...]:
        """The addresses that the host stands for without anybody being asked."""
        if is_loopback_name(self.host):
            return LOOPBACK
        if ":" not in self.host and not self.host[-1:].isdigit():
            return ()  # as most names: what follows takes ten times as long
        try:
            return (str(ip_address(self.host)),)
        except ValueError:
            return ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP address and port to dial in place of a host."""

    address: str
    port: int


class Detours:
    """The `connect_to` setting: which hosts are dialled somewhere else.

    The first pattern that fits wins. An address in numbers, or `localhost`, is sent
    elsewhere like any host, but *names* decides whether that spares it the guard: only
    a pattern that spells it out does, lest `*` would hide a redirect into the private
    network.
    """

    def __init__(self, connect_to: Mapping[str, str]) -> None:
        """Raise `ValueError` for an endpoint that is not an IP address and port."""
        self._endpoints = {
            pattern.lower(): _endpoint(value) for pattern, value in connect_to.items()
        }

    def find(self, host: str) -> Endpoint | None:
        """Return where to dial in place of *host*; None is the host itself."""
        name = host.lower().rstrip(".")
        for pattern, endpoint in self._endpoints.items():
            if fnmatchcase(name, pattern):
                return endpoint
        return None

    def names(self, host: str) -> bool:
        """Tell whether a pattern spells *host* out, of `me.localhost` the last part."""
        name = host.lower().rstrip(".")
        return name in self._endpoints or any(
            is_loopback_name(pattern) and fnmatchcase(name, pattern)
            for pattern in self._endpoints
        )


def is_loopback_name(host: str) -> bool:
    """Tell whether a name means this machine everywhere (RFC 6761, 6.3)."""
    return host.lower().rstrip(".").rpartition(".")[2] == "localhost"


def shown(text: str) -> str:
    """Cut what a server sent to what a reason has room for, and names nobody."""
    text = without_credentials(text)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def parse_target(url: str, ports: Collection[int]) -> Target:
    """Read an absolute address; raises `Failed` (`bad_url`) with the reason."""
    try:
        href = fetch_url(url)
    except ValueError as error:
        raise Failed(outcome="bad_url", reason=str(error)) from None
    plain = None if "#" in href else PLAIN_ORIGIN.match(href)
    if plain is None:
        target = _parsed(href)
    else:  # as nearly all: to parse it anew takes five times as long
        port = int(plain[4] or _DEFAULT_PORTS[plain[1]])
        target = Target(href, plain[2], plain[3], port)
    if target.port not in ports:
        allowed = ", ".join(map(str, ports))
        reason = f"port {target.port} is not among those allowed ({allowed})"
        raise Failed(outcome="bad_url", reason=reason)
    return target


def _parsed(href: str) -> Target:
    parsed = ada_url.URL(href)
    if parsed.username or parsed.password:
        raise Failed(
            outcome="bad_url", reason="the address carries a user name or password"
        )
    port = int(parsed.port or _DEFAULT_PORTS[parsed.protocol.rstrip(":")])
    parsed.hash = ""
    return Target(parsed.href, parsed.host, parsed.hostname.strip("[]"), port)


def follow(target: Target, location: str, ports: Collection[int]) -> Target:
    """Read where a redirect leads; raises `Failed` (`bad_url`) with both ends."""
    way = f"{shown(target.url)} redirects to {shown(location)!r}"
    try:
        return parse_target(join_url(target.url, location), ports)
    except ValueError as error:
        raise Failed(outcome="bad_url", reason=f"{way}: {error}") from None
    except Failed as failed:
        raise Failed(outcome=failed.outcome, reason=f"{way}: {failed.reason}") from None


def _endpoint(value: str) -> Endpoint:
    address, _, port = value.rpartition(":")
    try:
        return Endpoint(str(ip_address(address.strip("[]"))), int(port))
    except ValueError:
        msg = f"connect_to: {value!r} is not an IP address and port"
        raise ValueError(msg) from None
