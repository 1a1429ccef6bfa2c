"""What went wrong, in one of the contract's words and a sentence for people. Pure."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from tasks.models import Outcome

# Certificates as `getpeercert` gives them, the server's own first.
Chain = Sequence[Mapping[str, Any]]
_MAX_NAME = 253  # characters of a name that a reason repeats: RFC 1035, 2.3.4


class Failed(Exception):  # noqa: N818 - it is an outcome on its way, not an error
    """A try that ended without an answer to keep: its outcome and the reason."""

    def __init__(self, *, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome: Outcome = outcome
        self.reason = reason


class BlockedAddressError(OSError):
    """The guard refused the address that was about to be dialled."""


class TooSlowError(Exception):
    """No connection came about in time; its words are the time."""


class FloodError(Exception):
    """A server sends and sends, but no answer; its words are a reason."""


class CutOffError(Exception):
    """A connection ended where only the announced end ends the body."""


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


def broke_off(error: BaseException, received: int, declared: int | None) -> Failed:
    """Turn what was raised while a body came into an outcome.

    *received* counts its bytes so far, *declared* is how many there should be.
    """
    whole = "" if declared is None else f" of {declared:,}"
    reason = f"the body broke off after {received:,}{whole} bytes"
    for link in _chain(error):
        if isinstance(link, FloodError):
            return Failed(outcome="bad_response", reason=str(link))
        if type(link) is HttpProcessingError:  # its kinds tell of the count alone
            reason = f"the body broke off: {_words(link)}"
    return Failed(outcome="truncated", reason=reason)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _blocked(error: BaseException, _place: str) -> Failed:
    return Failed(outcome="blocked_address", reason=str(error))


def _unconnected(error: BaseException, place: str) -> Failed:
    return Failed(outcome="timeout", reason=f"no connection to {place} within {error}")


def _dns(error: BaseException, place: str) -> Failed:
    host = place.rpartition(":")[0]
    words = {
        socket.EAI_AGAIN: f"the name service gave no answer for {host}",
        socket.EAI_FAIL: f"the name service failed to answer for {host}",
        socket.EAI_NODATA: f"the name {host} has no address",
    }
    reason = words.get(getattr(error, "errno", 0), f"the name {host} does not exist")
    return Failed(outcome="dns_error", reason=reason)


def _certificate(error: BaseException, place: str) -> Failed:
    host = place.rpartition(":")[0]
    code = getattr(error, "verify_code", 0)
    chain = getattr(error, "chain", [])
    if chain and code in _CERTIFICATE_FAULTS:
        reason = _CERTIFICATE_FAULTS[code](chain, host)
    else:
        words = getattr(error, "verify_message", "") or "it cannot be verified"
        reason = f"the certificate of {host} is not trusted: {words}"
    return Failed(outcome="tls_error", reason=reason)


def _expired(chain: Chain, host: str) -> str:
    # OpenSSL does not say which one it means; what ran out first surely has.
    ends = [_on(certificate, "notAfter") for certificate in chain]
    if min(ends) == ends[0]:
        return f"the certificate of {host} expired on {ends[0]}"
    return f"a certificate that vouches for {host} expired on {min(ends)}"


def _premature(chain: Chain, host: str) -> str:
    begins = [_on(certificate, "notBefore") for certificate in chain]
    if max(begins) == begins[0]:
        return f"the certificate of {host} is not valid before {begins[0]}"
    return f"a certificate that vouches for {host} is not valid before {max(begins)}"


def _misnamed(chain: Chain, host: str) -> str:
    names = [str(value) for _, value in chain[0].get("subjectAltName", ())]
    shown = [name if name.isprintable() else repr(name) for name in names[:3]]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    whose = f"{', '.join(n[:_MAX_NAME] for n in shown)}{more}" or "no host at all"
    return f"the certificate is for {whose}, not {host}"


def _self_signed(_chain: Chain, host: str) -> str:
    return f"the certificate of {host} is signed by itself alone"


def _unknown(_chain: Chain, host: str) -> str:
    return f"the certificate of {host} is signed by nobody known"


def _weak(_chain: Chain, host: str) -> str:
    return f"the certificate of {host} is too weak to be safe"


def _on(certificate: Mapping[str, Any], name: str) -> date:
    seconds = ssl.cert_time_to_seconds(certificate[name])
    return datetime.fromtimestamp(seconds, UTC).date()


def _tls(error: BaseException, place: str) -> Failed:
    code = getattr(error, "reason", None) or "NO_COMMON_GROUND"
    if words := _TLS_FAULTS.get(code):
        return Failed(outcome="tls_error", reason=f"{place} {words}")
    words = code.replace("_", " ").lower()
    return Failed(outcome="tls_error", reason=f"no TLS with {place}: {words}")


def _refused(_error: BaseException, place: str) -> Failed:
    return Failed(outcome="connection_error", reason=f"nothing listens at {place}")


def _hung_up(_error: BaseException, place: str) -> Failed:
    reason = f"{place} closed the connection before it answered"
    return Failed(outcome="connection_error", reason=reason)


def _flooded(error: BaseException, place: str) -> Failed:
    return Failed(outcome="bad_response", reason=f"{place} gave no answer: {error}")


def _not_http(error: BaseException, place: str) -> Failed:
    return Failed(
        outcome="bad_response",
        reason=f"{place} did not answer in valid HTTP: {_words(error)}",
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
    first = message.strip().partition("\n")[0]
    plain = re.split(r": b(?:ytearray\(b)?['\"]", first)[0].strip(" :")[:200]
    if found := _TOO_LONG.match(plain):
        return f"a line of its head is longer than {int(found[1]):,} bytes"
    if not plain.isprintable():
        return "no reason given"
    return _PLAINER.get(plain, plain) or "no reason given"


_TOO_LONG = re.compile(r"Got more than ([0-9]{1,9}) bytes")
_PLAINER = {
    "Bad status line": "its first line is no status line",
    "Too many headers received": "it has too many headers",
    "Invalid HTTP header": "a header holds what none may hold",
    "Invalid header token": "a line of its head has no name that may be one",
    "Missing expected LF after header value": "a line of its head does not end as one",
    "Invalid character in Content-Length": "its length is no number",
    "Empty Content-Length": "its length is left empty",
    "Content-Length overflow": "its length is too large a number",
    "Duplicate Content-Length": "it tells its length more than once",
    "Transfer-Encoding can't be present with Content-Length": (
        "it tells its length and comes in chunks, too"
    ),
    "Content-Length can't be present with Transfer-Encoding": (
        "it tells its length and comes in chunks, too"
    ),
    "Expected LF after CR": "a line of its head does not end as one",
    "Expected LF after headers": "a line of its head does not end as one",
    "Expected LF after chunk size": "the size of a chunk is followed by something else",
    "Invalid character in chunk extensions quoted value": (
        "the size of a chunk is followed by something else"
    ),
    "Invalid character in chunk size": "the size of a chunk is no number",
    "Chunk size overflow": "the size of a chunk is too large a number",
    "Expected LF after chunk data": "a chunk is longer than its size",
}
_UNSAFE = "speaks only TLS that is not safe"
_BROKEN = "does not keep to the rules of TLS"
_DECLINED = "would not begin to speak TLS with us"
# By OpenSSL's names for them (sslerr.h).
_TLS_FAULTS = {
    "WRONG_VERSION_NUMBER": "does not speak TLS",
    "TLSV1_ALERT_PROTOCOL_VERSION": _UNSAFE,
    "UNSUPPORTED_PROTOCOL": _UNSAFE,
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": _UNSAFE,
    "DH_KEY_TOO_SMALL": _UNSAFE,
    "TLSV1_UNRECOGNIZED_NAME": "does not know the name that it was called by",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": _DECLINED,
    "TLSV1_ALERT_ACCESS_DENIED": _DECLINED,
    "TLSV1_ALERT_INTERNAL_ERROR": "has a fault of its own and speaks no TLS",
    "UNEXPECTED_EOF_WHILE_READING": "closed the connection before TLS began",
    "UNEXPECTED_MESSAGE": _BROKEN,
    "EXCESSIVE_MESSAGE_SIZE": _BROKEN,
    "PACKET_LENGTH_TOO_LONG": _BROKEN,
    "TOO_MANY_WARN_ALERTS": _BROKEN,
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": _BROKEN,
}
# By OpenSSL's codes (x509_vfy.h).
_CERTIFICATE_FAULTS: Mapping[int, Callable[[Chain, str], str]] = {
    7: _unknown,  # by somebody else who bears a known name
    9: _premature,
    10: _expired,
    18: _self_signed,
    19: _unknown,
    20: _unknown,
    21: _unknown,
    62: _misnamed,
    64: _misnamed,
    66: _weak,
    67: _weak,
    68: _weak,
}
# The first kind found anywhere in the chain wins, so the telling ones stand first.
_BY_KIND = (
    ((BlockedAddressError,), _blocked),
    ((TooSlowError,), _unconnected),
    ((socket.gaierror,), _dns),
    ((ssl.SSLCertVerificationError,), _certificate),
    ((ssl.SSLError,), _tls),
    ((ConnectionRefusedError,), _refused),
    ((FloodError,), _flooded),
    ((HttpProcessingError, aiohttp.ClientResponseError), _not_http),
    ((aiohttp.ServerDisconnectedError, ConnectionResetError), _hung_up),
    ((BrokenPipeError, ConnectionAbortedError), _hung_up),
    ((OSError,), _unreachable),
    ((aiohttp.InvalidURL, httpx.InvalidURL, ValueError), _unusable),
)
