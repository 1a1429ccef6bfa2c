"""What went wrong, in one of the contract's words and a sentence for people. Pure."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from tasks.models import Outcome


class Failed(Exception):  # noqa: N818 - it is an outcome on its way, not an error
    """A try that ended without an answer to keep: its outcome and the reason."""

    def __init__(self, *, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome: Outcome = outcome
        self.reason = reason


class BlockedAddressError(OSError):
    """The guard refused the address that was about to be dialled."""


def explain(error: BaseException, place: str) -> Failed:
    """Turn what a library raised before any answer came into an outcome.

    *place* is the host and port that were asked. Libraries wrap one another's errors,
    so the whole chain is read, from the first cause on.
    """
    links = list(_chain(error))[::-1]
    for kinds, describe in _BY_KIND:
        for link in links:
            if isinstance(link, kinds):
                return describe(link, place)
    return Failed(
        outcome="bad_response", reason=f"{place} could not be asked: {_words(error)}"
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _blocked(error: BaseException, _place: str) -> Failed:
    return Failed(outcome="blocked_address", reason=str(error))


def _dns(error: BaseException, place: str) -> Failed:
    host = place.rpartition(":")[0]
    if getattr(error, "errno", None) == socket.EAI_AGAIN:
        return Failed(
            outcome="dns_error", reason=f"the name service gave no answer for {host}"
        )
    return Failed(outcome="dns_error", reason=f"no such host: {host}")


def _certificate(error: BaseException, place: str) -> Failed:
    words = getattr(error, "verify_message", "") or "it cannot be verified"
    return Failed(
        outcome="tls_error",
        reason=f"the certificate of {place} is not trusted: {words}",
    )


def _tls(error: BaseException, place: str) -> Failed:
    words = (getattr(error, "reason", None) or "no common ground").replace("_", " ")
    return Failed(outcome="tls_error", reason=f"no TLS with {place}: {words.lower()}")


def _refused(_error: BaseException, place: str) -> Failed:
    return Failed(outcome="connection_error", reason=f"nothing listens at {place}")


def _hung_up(_error: BaseException, place: str) -> Failed:
    reason = f"{place} closed the connection before it answered"
    return Failed(outcome="connection_error", reason=reason)


def _not_http(error: BaseException, place: str) -> Failed:
    words = _words(error)
    # Arriving with the head, broken chunks make the parser forget that there was one.
    if "chunk" in words.lower():
        return Failed(outcome="truncated", reason=f"the body broke off: {words}")
    return Failed(
        outcome="bad_response", reason=f"{place} did not answer in valid HTTP: {words}"
    )


def _unreachable(error: BaseException, place: str) -> Failed:
    code = getattr(error, "errno", None)
    detail = _words(error)
    if isinstance(code, int) and code in errno.errorcode:
        detail = os.strerror(code).lower()
    return Failed(
        outcome="connection_error", reason=f"{place} cannot be reached: {detail}"
    )


def _unusable(error: BaseException, _place: str) -> Failed:
    return Failed(
        outcome="bad_url", reason=f"the address cannot be asked for: {_words(error)}"
    )


def _words(error: BaseException) -> str:
    """Take the first line of a library's message: the rest quotes raw bytes."""
    message = getattr(error, "message", "") or str(error)
    first = message.strip().partition("\n")[0].partition(": b'")[0].strip(" :")[:200]
    return first if first.isprintable() and first else "no reason given"


# The first kind found anywhere in the chain wins, so the telling ones stand first.
_BY_KIND = (
    ((BlockedAddressError,), _blocked),
    ((socket.gaierror,), _dns),
    ((ssl.SSLCertVerificationError,), _certificate),
    ((ssl.SSLError,), _tls),
    ((ConnectionRefusedError,), _refused),
    ((HttpProcessingError, aiohttp.ClientResponseError), _not_http),
    ((aiohttp.ServerDisconnectedError, ConnectionResetError), _hung_up),
    ((BrokenPipeError, ConnectionAbortedError), _hung_up),
    ((OSError,), _unreachable),
    ((aiohttp.InvalidURL, httpx.InvalidURL, ValueError), _unusable),
)
