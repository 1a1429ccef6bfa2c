"""The address guard: its table, by what each address is."""

from __future__ import annotations

import doctest
from ipaddress import ip_address, ip_network

import pytest

from tasks.web import answers, guard, robots
from tasks.web.guard import verdict

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2620:4f:8000::1",
    "2606:4700::5efe:808:808",
]
REFUSED = {
    "0.0.0.0": "unspecified",  # noqa: S104 - judged, not bound
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "carrier-grade NAT",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "Azure",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocol assignment",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarking",
    "198.19.255.255": "benchmarking",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "IPv4-compatible",
    "::8.8.8.8": "IPv4-compatible",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::ffff:0:127.0.0.1": "IPv4-translated",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b::808:808": "NAT64",
    "64:ff9b:1::a9fe:a9fe": "local NAT64",
    "100::1": "discard-only",
    "100:0:0:1::1": "dummy",
    "200::1": "outside the public",
    "2001::1": "Teredo",
    "2001:0:7f00:1::1": "Teredo",
    "2001:2::1": "benchmarking",
    "2001:10::1": "protocol assignment",
    "2001:20::1": "protocol assignment",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:808:808::1": "6to4",
    "2606:4700::5efe:7f00:1": "ISATAP",
    "2606:4700::200:5efe:a00:1": "ISATAP",
    "3ffe::1": "6bone",
    "3fff::1": "documentation",
    "4000::1": "outside the public",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00:ec2::254": "unique local",
    "fe80::1": "link-local",
    "fe80::1%lo": "link-local",
    "2606:4700::1%eth0": "network interface",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
}
NO_ADDRESS = ["", " ", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    """What anybody can reach may be dialled."""
    assert verdict(address) == "allow"


@pytest.mark.parametrize(("address", "words"), REFUSED.items())
def test_what_is_not_public_is_refused_by_its_name(address: str, words: str) -> None:
    """The reason names the address and what it is."""
    reason = verdict(address)

    assert reason.startswith(f"{address} is ")
    assert words in reason


@pytest.mark.parametrize("text", [*NO_ADDRESS, "[::1]", "1.2.3.4 ", "::1::", "1\x00"])
def test_what_is_no_address_is_refused_without_an_error(text: str) -> None:
    """Spellings that only a C library understands are no addresses here."""
    assert verdict(text) == f"{text!r} is not an IP address"


def test_python_calls_no_refused_network_global_but_the_ones_we_know_better() -> None:
    """Whatever `ipaddress` refuses, we refuse: the table has no hole it would see."""
    networks = [str(network) for network, _ in guard._TABLE]
    edges = {str(ip_network(n)[0]) for n in networks} | {
        str(ip_network(n)[-1]) for n in networks
    }
    for text in edges:
        assert verdict(text) != "allow", text
    for address in [*PUBLIC, *REFUSED]:
        plain = address.partition("%")[0]
        if not ip_address(plain).is_global:
            assert verdict(address) != "allow", address


def test_allowed_networks_are_exempt_and_nothing_beside_them() -> None:
    """An exemption is for the spelling that was exempted."""
    networks = (ip_network("10.1.0.0/16"), ip_network("fe80::/10"))

    assert verdict("10.1.2.3", allowed_networks=networks) == "allow"
    assert verdict("fe80::1%lo", allowed_networks=networks) == "allow"
    assert verdict("10.2.0.0", allowed_networks=networks) != "allow"
    assert verdict("::ffff:10.1.2.3", allowed_networks=networks) != "allow"


@pytest.mark.parametrize("room", [guard, answers, robots])
def test_examples_in_docstrings_are_true(room: object) -> None:
    """What a docstring shows is what happens."""
    assert doctest.testmod(room).failed == 0  # type: ignore[arg-type]
