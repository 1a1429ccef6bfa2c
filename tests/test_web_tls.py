"""Certificates: verified always, and refused in words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.models import Response
from tasks.web.client import open_web
from tests.origin import PAGE, Origin, open_origin, settings_for

Key = ec.EllipticCurvePrivateKey
NOW = datetime.now(UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates for one test run; *path* holds its own."""

    def __init__(self, folder: Path) -> None:
        """Write the authority's certificate into *folder*."""
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.path = folder / "authority.pem"
        root = self._certificate("authority", self.key, NOW + timedelta(days=9))
        self.path.write_bytes(root)

    def server(self, host: str, until: datetime) -> ssl.SSLContext:
        """Return a server's context with a certificate for *host* up to *until*."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{host}-{until:%Y}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(secret + self._certificate(host, key, until))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _certificate(self, host: str, key: Key, until: datetime) -> bytes:
        is_root = key is self.key
        usage = x509.BasicConstraints(ca=is_root, path_length=None)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        built = (
            x509.CertificateBuilder()
            .subject_name(_name(host))
            .issuer_name(_name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - timedelta(days=30))
            .not_valid_after(until)
            .add_extension(usage, critical=True)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return built.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that the client may be told to trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def origin(authority: Authority) -> Iterator[Origin]:
    """Return a server with a good certificate for `news.example`."""
    with open_origin(authority.server("news.example", NOW + timedelta(days=9))) as it:
        yield it


def get(origin: Origin, url: str, trusted: Path | None) -> Response:
    """Get one address, trusting the public authorities or the one of *trusted*."""

    async def run() -> Response:
        tls = ssl.create_default_context(cafile=trusted) if trusted else None
        async with open_web(settings_for(origin), tls=tls) as web:
            return await web.get(url)

    return asyncio.run(run())


def test_a_trusted_certificate_of_the_host_is_good(
    origin: Origin, authority: Authority
) -> None:
    """The name checked is that of the address, not of where it was dialled."""
    response = get(origin, "https://news.example/page", authority.path)

    assert (response.outcome, response.body) == ("ok", PAGE)


def test_a_certificate_that_nobody_vouches_for_is_refused(origin: Origin) -> None:
    """By default only public authorities are trusted, and nothing is asked."""
    response = get(origin, "https://news.example/page", None)

    assert response.outcome == "tls_error"
    assert response.reason == (
        "the certificate of news.example is signed by nobody known"
    )
    assert origin.asked == []


def test_a_certificate_for_another_host_is_refused(
    origin: Origin, authority: Authority
) -> None:
    """Hosts that are dialled at one address are still two hosts."""
    response = get(origin, "https://other.example/page", authority.path)

    assert response.outcome == "tls_error"
    assert response.reason == ("the certificate is for news.example, not other.example")
    assert origin.asked == []


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    """The reason says so."""
    old = authority.server("news.example", datetime(2021, 3, 2, tzinfo=UTC))
    with open_origin(old) as origin:
        response = get(origin, "https://news.example/page", authority.path)

    assert response.outcome == "tls_error"
    assert response.reason == ("the certificate of news.example expired on 2021-03-02")
