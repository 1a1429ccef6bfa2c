"""TLS that tells: why a certificate was refused, and whether the end was announced."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

import httpx


class TellingConnection(ssl.SSLObject):
    """One side of a TLS connection that keeps what Python's own lets go of.

    `said_goodbye` is whether the other side announced the end (RFC 8446, 6.1).
    """

    said_goodbye = False

    def do_handshake(self) -> None:
        """Shake hands; a refused certificate brings its `chain` with the error."""
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            error.chain = self._chain()  # type: ignore[attr-defined] # ours, for faults
            raise

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002
        """Read; nothing to read is how the library tells of the announced end."""
        found = super().read(len, buffer)
        if not found:
            self.said_goodbye = True
        return found

    def _chain(self) -> list[dict[str, Any]]:
        """Return the certificates, the server's own first, as `getpeercert` would.

        Python 3.13 has a method for it, but in bytes; what lies below it is older.
        """
        with contextlib.suppress(Exception):
            return [found.get_info() for found in self._sslobj.get_verified_chain()]  # type: ignore[attr-defined]
        return []


def trust_public_authorities() -> ssl.SSLContext:
    """Return a context that trusts those of certifi: the same on every machine."""
    return httpx.create_ssl_context(trust_env=False)
