"""One spelling per address, and the ids that follow from it. Pure.

An address has two values here: `fetch_url` is what to ask the network for, `url_key` is
what makes two addresses the same article.

| address | `url_key` |
|---|---|
| `http://WWW.News.example/a` | `https://news.example/a` |
| `https://news.example/a?utm_source=x&id=7#top` | `https://news.example/a?id=7` |
| `https://news.example:443/a/../b` | `https://news.example/b` |
| `https://n-example.cdn.ampproject.org/c/s/n.example/b` | `https://n.example/b` |
| `https://news.example/a?utm_source=x&sig=ab` | (signed: its query stays as it is) |
"""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

import ada_url

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

NAMESPACE = UUID("5b8f1c52-6a0f-5d3e-9d5c-0d2d5f3b7c11")  # drawn once for Wirehouse

# Parameters that only say where a reader came from, by their exact names.
TRACKING_PARAMETERS = frozenset(
    """
    utm_source utm_medium utm_campaign utm_term utm_content utm_id utm_name utm_brand
    utm_social utm_social-type utm_reader utm_viz_id utm_pubreferrer utm_swu
    fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid ttclid li_fat_id
    igshid mc_cid mc_eid mkt_tok vero_id _hsenc _hsmi __hstc __hssc __hsfp
    WT.mc_id wt.mc_id _ga _gl oly_enc_id oly_anon_id s_cid
    amp_js_v amp_gsa usqp
    """.split()
)
# A signature covers the whole query: one byte less and the server refuses it.
SIGNATURE_PARAMETERS = frozenset(
    """
    signature sig sign hmac hdnea hdnts token policy key-pair-id
    x-amz-signature x-goog-signature x-oss-signature
    """.split()
)
# Addresses of AMP caches hold the article's own address in their path
# (amp.dev/documentation/guides-and-tutorials/learn/amp-caches-and-cors/amp-cache-urls).
MAX_CACHES = 5  # a cache's address may hold another cache's; real ones do once
_AMP_CACHE = re.compile(
    r"https?://(?:[^/?#]*@)?"
    r"(?:(?:[^/?#@]+\.)?cdn\.ampproject\.org|(?:www\.)?bing-amp\.com)"
    r"/[civ]/(s/)?+(.+)",
    re.ASCII | re.DOTALL,
)
_GOOGLE_AMP = re.compile(
    r"https?://(?:[^/?#]*@)?(?:www\.)?google\.[a-z.]{2,6}/amp/(s/)?+(.+)",
    re.ASCII | re.DOTALL,
)
MAX_HOST = 255  # characters of a host: RFC 1035, 2.3.4
MAX_REMEMBERED = 2_000  # characters of an address whose key is remembered
MAX_SHOWN = 300  # characters of an address in a reason
# What stands between the slashes, if any, and the last @ of a host; browsers read it
# without line ends and tabs (url.spec.whatwg.org, 4.4).
_CREDENTIALS = re.compile(
    r"\A([\x00-\x20]*(?:(?:https?|ftp|wss?):[/\\]*|(?:[a-z][a-z0-9+.\-]*:)?[/\\]{2,}))"
    r"[^/\\?#]+@",
    re.ASCII | re.IGNORECASE,
)
_IGNORED = {ord(character): None for character in "\t\r\n"}
_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-]*):", re.ASCII)
# Addresses that need no second look: what follows scheme and `www.` is the key.
_USUAL = re.compile(
    r"https?://(?:www\.)?((?!www\.)[a-z0-9-]+(?:\.[a-z0-9-]+)+/[^?#]*)", re.ASCII
)
# Addresses that are spelled as the standard demands: a name that is no number, and no
# segment that could stand for another one. Tests hold it against the standard's parser.
_SPELLED = re.compile(
    r"https?://(?![^/]*xn--)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*"
    r"(?:/(?:[A-Za-z0-9_~-][A-Za-z0-9._~%-]*+)?+)++(?:\?[A-Za-z0-9._~%&=+-]++)?",
    re.ASCII,
)
# How nearly all addresses begin, as spelled: scheme, authority, host, port.
PLAIN_ORIGIN = re.compile(r"(https?)://(([a-z0-9.-]+)(?::([0-9]+))?)/", re.ASCII)
_CACHES = ("ampproject.org", "bing-amp.com", "google.")  # hosts that need one
_HOME = re.compile(
    r"https://[^/]+/(?:[a-z]{2}(?:[_-][a-z]{2})?/?)?(?:(?:index|home)\.?\w*)?",
    re.ASCII | re.IGNORECASE,
)
_LEADING_WWW = re.compile(r"\A(?:www\.)+")


def fetch_url(url: str) -> str:
    """Spell an http or https address as the WHATWG URL standard does.

    Nothing but what the standard demands is changed: signatures, `%252F`, `%2F` and the
    order of parameters stay. Raises `ValueError` with the reason.
    """
    if _SPELLED.fullmatch(url):
        return url
    if not url.strip():
        msg = "the address is empty"
        raise ValueError(msg)
    try:
        href = ada_url.normalize_url(url)
    except (ValueError, UnicodeError):
        msg = f"{_shown(url)} {_why_unusable(url)}"
        raise ValueError(msg) from None
    if not href.startswith(("http:", "https:")):
        msg = f"{_shown(url)} is not an http or https address"
        raise ValueError(msg)
    return str(href)


def join_url(base: str, reference: str) -> str:
    """Resolve *reference* against the page at *base*, spelled as by `fetch_url`.

    Raises `ValueError` with the reason.
    """
    try:
        parsed = ada_url.URL(reference, base=base)
    except (ValueError, UnicodeError):
        msg = f"{_shown(reference)} is not an address on {_shown(base)}"
        raise ValueError(msg) from None
    return fetch_url(parsed.href)


def split_address(href: str) -> tuple[str, str]:
    """Return the origin of an address and what is asked for there, byte for byte.

    That is the target of a request (RFC 9112, 3.2.1); *href* is spelled as by
    `fetch_url` and has no fragment.

    >>> split_address("https://news.example:8443/a%2Fb?c=")
    ('https://news.example:8443', '/a%2Fb?c=')
    """
    scheme, _, rest = href.partition("://")
    authority, _, path = rest.partition("/")
    return f"{scheme}://{authority}", f"/{path}"


def url_key(url: str) -> str:
    """Name the article that an address leads to; the table above shows how.

    Idempotent: a key's key is itself. Raises `ValueError` with the reason.
    """
    return _remembered_key(url) if len(url) <= MAX_REMEMBERED else _key(url)


def _key(url: str) -> str:
    href = fetch_url(url)
    if not any(host in href for host in _CACHES) and (usual := _USUAL.fullmatch(href)):
        return f"https://{usual[1]}"
    parsed = _without_caches(ada_url.URL(href))
    port = f":{parsed.port}" if parsed.port else ""
    host = _fold_www(parsed.hostname.rstrip("."))
    rest = f"{port}{parsed.pathname}{_without_tracking(parsed.search)}"
    if not host or not ada_url.check_url(f"https://{host}{rest}"):
        host = parsed.hostname  # `a.09..` is a name, `a.09` is no address in numbers
    # Parsed again, because https may make another port the default one.
    return ada_url.URL(f"https://{host}{rest}").href


_remembered_key = lru_cache(maxsize=16_384)(_key)


def canonical_key(claimed: str, page: str) -> str | None:
    """Return the key of the address that the page at *page* claims as its own.

    None where the claim cannot be true: no address, another site's, or the home page's
    (of a language, too), which careless templates name on every page.

    >>> canonical_key("https://news.example/a", "https://www.news.example/a?x=1")
    'https://news.example/a'
    >>> canonical_key("https://news.example/en/", "https://news.example/a")
    """
    try:
        key, own = url_key(claimed), url_key(page)
    except ValueError:
        return None
    site, own_site = (_site(host_of(address)) for address in (key, own))
    is_home = _HOME.fullmatch(key) is not None and _HOME.fullmatch(own) is None
    return None if site != own_site or is_home else key


def host_of(url: str) -> str:
    """Return the host of an address that `fetch_url` has spelled."""
    plain = PLAIN_ORIGIN.match(url)
    return plain[3] if plain else str(ada_url.URL(url).hostname)


def registrable_domain(domain: str) -> str | None:
    """Return what somebody registered: `bbc.co.uk` of `www.bbc.co.uk`.

    None where there is none, as for an address in numbers or a public suffix itself.
    The public suffix list comes with its package, never from the network.
    """
    return _registrable(domain) if len(domain) <= MAX_HOST else None


@lru_cache(maxsize=16_384)
def _registrable(domain: str) -> str | None:
    name = domain.strip().strip(".").lower()
    if not name or re.fullmatch(r"[\d.]+|\[.*\]|.*:.*", name):
        return None
    found = _public_suffixes(encoded="xn--" in name).privatesuffix(name)
    return str(found) if found else None


@cache
def _public_suffixes(*, encoded: bool) -> PublicSuffixList:
    """Read the list when it is first asked: a run without changes never asks.

    *encoded*: with the rules in Punycode, too, 17 ms that no other name needs.
    """
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415

    return PublicSuffixList(accept_encoded_idn=encoded)


def identify(kind: str, *parts: str) -> UUID:
    """Name a thing alike on every machine: a UUID of version 5 (RFC 9562, 5.5)."""
    name = "\x1f".join((kind, *parts)).encode("utf-8", "surrogatepass")
    sha1 = _NAMED.copy()
    sha1.update(name)
    number = int.from_bytes(sha1.digest()[:16])
    return UUID(int=number & ~_VERSION_AND_VARIANT | _VERSION_5)


# As `uuid.uuid5` does it, with the namespace hashed once and bits set as numbers.
_NAMED = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
_VERSION_AND_VARIANT = 0xF000 << 64 | 0xC000 << 48
_VERSION_5 = 0x5000 << 64 | 0x8000 << 48


def without_credentials(text: str) -> str:
    r"""Take user name and password out of an address, however broken, for eyes.

    >>> without_credentials("http://you:secret@news.example/@bees")
    'http://…@news.example/@bees'
    >>> without_credentials("\\\\secret@news.example")
    '\\\\…@news.example'
    """
    if "@" not in text:
        return text
    return _CREDENTIALS.sub(r"\1…@", text.translate(_IGNORED))


def _shown(url: str) -> str:
    url = without_credentials(url)
    return repr(url) if len(url) <= MAX_SHOWN else f"{url[:MAX_SHOWN]!r}…"


def _why_unusable(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "is not an absolute address"
    if scheme[1].lower() not in {"http", "https"}:
        return "is not an http or https address"
    return "has a host or port that no address can have"


def _site(host: str) -> str:
    return registrable_domain(host) or host


def _without_caches(parsed: ada_url.URL) -> ada_url.URL:
    """Unwrap what AMP caches hold; one that goes on and on stays as it is."""
    inner = parsed
    for _ in range(MAX_CACHES):
        unwrapped = _unwrap(inner.href)
        if unwrapped is None:
            return inner
        inner = ada_url.URL(fetch_url(unwrapped))
    return parsed


def _unwrap(href: str) -> str | None:
    found = _AMP_CACHE.match(href) or _GOOGLE_AMP.match(href)
    if found is None:
        return None
    inner = ("https://" if found[1] else "http://") + found[2]
    return inner if ada_url.check_url(inner) else None


def _fold_www(host: str) -> str:
    """Take `www.` away as often as it leads a name that has a dot without it."""
    rest = _LEADING_WWW.sub("", host, count=1)
    return rest if "." in rest or rest == host else "www." + rest


def _without_tracking(query: str) -> str:
    if not query:
        return ""
    pairs = query[1:].split("&")
    names = {pair.partition("=")[0] for pair in pairs}
    if any(name.lower() in SIGNATURE_PARAMETERS for name in names):
        return query
    kept = [pair for pair in pairs if pair.partition("=")[0] not in TRACKING_PARAMETERS]
    return "?" + "&".join(kept) if any(kept) else ""
