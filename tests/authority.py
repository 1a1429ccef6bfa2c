"""Certificates of a test's own, good and bad."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=9)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates for one test run; *path* holds its own."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        """Write the authority's certificate into *folder*."""
        self.folder = folder
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._certificate([name], self.key, SOON))

    def server(
        self, *hosts: str, until: datetime = SOON, is_weak: bool = False
    ) -> ssl.SSLContext:
        """Return a server's context with a certificate for *hosts* up to *until*."""
        key: Key = ec.generate_private_key(ec.SECP256R1())
        if is_weak:
            key = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 - is_weak
        return self._context(key, self._certificate(hosts, key, until))

    def self_signed(self, host: str) -> ssl.SSLContext:
        """Return a server's context with a certificate that it signed itself."""
        other = Authority(_folder(self.folder / host))
        return self._context(other.key, other.path.read_bytes())

    def outdated(self, host: str) -> ssl.SSLContext:
        """Return a good certificate on a server that speaks TLS 1.1 at most."""
        context = self.server(host)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    def _context(self, key: Key, certificate: bytes) -> ssl.SSLContext:
        path = self.folder / "server.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(secret + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")  # what is weak must be sent, too
        context.load_cert_chain(path)
        return context

    def _certificate(self, hosts: Sequence[str], key: Key, until: datetime) -> bytes:
        is_root = key is self.key
        usage = x509.BasicConstraints(ca=is_root, path_length=None)
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        built = (
            x509.CertificateBuilder()
            .subject_name(_name(hosts[0]))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - timedelta(days=30))
            .not_valid_after(until)
            .add_extension(usage, critical=True)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return built.public_bytes(serialization.Encoding.PEM)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
