"""Which addresses may be dialled: only what the public internet can reach. Pure.

The tables follow the IANA IPv4 and IPv6 Special-Purpose Address Registries; each row
names the document that set the network aside. Python's `ipaddress.is_global` is not
enough: it calls `::127.0.0.1`, 64:ff9b::/96, 2002::/16, fec0::/10 and multicast global.
Forms that carry an IPv4 address inside (mapped, NAT64, 6to4, …) are refused as a whole,
because a web server has no need of them and a gateway may unwrap them.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

ALLOW = "allow"

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

# Narrow networks stand before the wide ones that hold them: the first match is told.
_REFUSED_V4 = (
    ("0.0.0.0/32", "the unspecified address", "RFC 1122"),
    ("0.0.0.0/8", "an address of 'this network'", "RFC 791"),
    ("10.0.0.0/8", "a private address", "RFC 1918"),
    ("100.64.0.0/10", "a carrier-grade NAT address", "RFC 6598"),
    ("127.0.0.0/8", "a loopback address", "RFC 1122"),
    ("168.63.129.16/32", "the host's own service on Azure", "Azure documentation"),
    ("169.254.0.0/16", "a link-local address", "RFC 3927"),
    ("172.16.0.0/12", "a private address", "RFC 1918"),
    ("192.0.0.0/24", "a protocol assignment", "RFC 6890"),
    ("192.0.2.0/24", "a documentation address", "RFC 5737"),
    ("192.88.99.0/24", "a 6to4 relay address", "RFC 7526"),
    ("192.168.0.0/16", "a private address", "RFC 1918"),
    ("198.18.0.0/15", "a benchmarking address", "RFC 2544"),
    ("198.51.100.0/24", "a documentation address", "RFC 5737"),
    ("203.0.113.0/24", "a documentation address", "RFC 5737"),
    ("224.0.0.0/4", "a multicast address", "RFC 5771"),
    ("255.255.255.255/32", "the broadcast address", "RFC 919"),
    ("240.0.0.0/4", "a reserved address", "RFC 1112"),
)
_REFUSED_V6 = (
    ("::/128", "the unspecified address", "RFC 4291"),
    ("::1/128", "a loopback address", "RFC 4291"),
    ("::/96", "an IPv4-compatible address", "RFC 4291"),
    ("::ffff:0:0/96", "an IPv4-mapped address", "RFC 4291"),
    ("::ffff:0:0:0/96", "an IPv4-translated address", "RFC 2765"),
    ("64:ff9b::/96", "a NAT64 address", "RFC 6052"),
    ("64:ff9b:1::/48", "a local NAT64 address", "RFC 8215"),
    ("100::/64", "a discard-only address", "RFC 6666"),
    ("100:0:0:1::/64", "a dummy address", "RFC 9780"),
    ("2001::/32", "a Teredo address", "RFC 4380"),
    ("2001:2::/48", "a benchmarking address", "RFC 5180"),
    ("2001::/23", "a protocol assignment", "RFC 2928"),
    ("2001:db8::/32", "a documentation address", "RFC 3849"),
    ("2002::/16", "a 6to4 address", "RFC 3056"),
    ("3ffe::/16", "an address of the former 6bone", "RFC 3701"),
    ("3fff::/20", "a documentation address", "RFC 9637"),
    ("5f00::/16", "a segment routing address", "RFC 9602"),
    ("fc00::/7", "a unique local address", "RFC 4193"),
    ("fe80::/10", "a link-local address", "RFC 4291"),
    ("fec0::/10", "a site-local address", "RFC 3879"),
    ("ff00::/8", "a multicast address", "RFC 4291"),
)
_TABLE: tuple[tuple[_Network, str], ...] = tuple(
    (ip_network(network), f"{words} ({network}, {source})")
    for network, words, source in _REFUSED_V4 + _REFUSED_V6
)
# IANA has given out unicast addresses from here alone (IPv6 Address Space registry).
_PUBLIC_V6 = ip_network("2000::/3")
# Interface identifiers of ISATAP carry an IPv4 address (RFC 5214, 6.1).
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})


def verdict(address: str, *, allowed_networks: Sequence[_Network] = ()) -> str:
    """Judge an IPv4 or IPv6 address: `"allow"`, or the reason why it is refused.

    *allowed_networks* are exempt. Text that is no address is refused, never an error.

    >>> verdict("8.8.8.8")
    'allow'
    >>> verdict("::1")
    '::1 is a loopback address (::1/128, RFC 4291)'
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"{address!r} is not an IP address"
    zone = parsed.scope_id if isinstance(parsed, IPv6Address) else None
    if zone is not None:
        parsed = IPv6Address(int(parsed))
    if any(parsed in network for network in allowed_networks):
        return ALLOW
    reason = _refusal(parsed) or (zone and "bound to one network interface (RFC 4007)")
    return f"{address} is {reason}" if reason else ALLOW


def _refusal(address: _Address) -> str:
    """Return what *address* is, if it is not public; empty if it is."""
    for network, words in _TABLE:
        if address in network:
            return words
    if isinstance(address, IPv4Address):
        return ""
    if address not in _PUBLIC_V6:
        return "outside the public unicast space (2000::/3, RFC 4291)"
    return _isatap_refusal(address)


def _isatap_refusal(address: IPv6Address) -> str:
    if int(address) >> 32 & 0xFFFF_FFFF not in _ISATAP:
        return ""
    inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    words = _refusal(inner)
    return f"an ISATAP address (RFC 5214) of {inner}, {words}" if words else ""
