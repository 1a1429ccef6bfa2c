"""Answers of 200 that are no article: soft 404s, walls, challenges, parked names. Pure.

All of it is guessing, made to miss rather than to be wrong: titles and headings count
only as a whole, and a page that calls itself an article, with a date, is one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import SplitResult, urlsplit

from tasks.models import Outcome
from tasks.text import decode
from tasks.values import dataclass
from tasks.web.phrases import (
    BARRED,
    CHALLENGE,
    CONSENT,
    FAILING,
    LOGIN,
    NOISE,
    NOT_FOUND,
    PARKED,
)

# What tells stands at the start; the rest is not looked at.
HEAD_BYTES = 65_536
# Challenges and parked names are small; the marks of their scripts mean nothing in the
# pages of a newspaper, which may use the same services.
SMALL_BYTES = 24_000
MAX_WORDS = 4  # of what stands beside a phrase in a title: the name of a site
# Characters that a page shows which says no more than what is wrong, its menus and the
# small print of a consent form included.
MAX_SHOWN = 2_500
MAX_PARAGRAPHS = 20  # counting them takes a hundredth of looking at each

_TITLE_JOINTS = re.compile(r"\s+[-/]\s+|\s*[|·•»«\u2013\u2014]\s*|\s*::\s*")
_TAG = re.compile(r"<[^>]*>")
_ELEMENTS = {
    name: re.compile(
        f"<{name}(?:[\\s/][^>]*)?>(.*?)</{name}", re.DOTALL | re.IGNORECASE
    )
    for name in ("title", "h1")
}
MAX_ELEMENT = 2_000  # characters of a title or heading with its tags
_NO_WORD = re.compile(r"[\W_]+")
_ARTICLE_SIGNS = re.compile(
    r"""article:published_time|datepublished|og:type["']?\s+content=["']?article""",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"""type\s*=\s*["']?password""", re.IGNORECASE)
_STATUS = re.compile(r"""prerender-status-code["']?\s{1,9}content=["']?4(?:04|10)""")

_HOME = frozenset(
    "index.html index.htm index.php index.jsp index.aspx default.aspx default.asp"
    " home home.html home.php startseite inicio accueil".split()
)
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?", re.IGNORECASE)
_ERROR_PAGE = "an error page"
# What a part of a path tells of where a redirect led, and what a host's first label.
_PLACES = {
    name: place
    for place, names in {
        _ERROR_PAGE: """
            404 404.html 404.htm 404.php 404.aspx 404.asp 404.jsp not-found not_found
            notfound notfound.html page-not-found page_not_found pagenotfound
            pagenotfound.html error404 error-404 error_404 error404.html 404-error
            404error page404 seite-nicht-gefunden nicht-gefunden""",
        "a consent wall": """
            consent cookiewall cookie-wall cookie-consent cookieconsent collectconsent
            privacygate privacy-gate gdpr-consent""",
        "a login page": """
            login login.html login.php login.aspx login.jsp log-in logon signin sign-in
            signin.html authwall anmelden anmeldung einloggen connexion iniciar-sesion
            inloggen logga-in""",
        "a subscription page": """
            subscribe subscription subscriptions abonnement abonnieren paywall""",
    }.items()
    for name in names.split()
}
_PLACES_BY_LABEL = {
    **dict.fromkeys("consent guce myprivacy cookiewall".split(), "a consent wall"),
    **dict.fromkeys("login signin sso auth accounts".split(), "a login page"),
}
_PARKING_HOSTS = (
    "afternic.com bodis.com dan.com hugedomains.com parkingcrew.net sedo.com"
    " sedoparking.com undeveloped.com"
).split()
_CHALLENGE_MARKS = (
    "_cf_chl_opt",
    "cf-browser-verification",
    "captcha-delivery.com",
    "px-captcha",
    "sucuri_cloudproxy_js",
    "/.well-known/sgcaptcha/",
)
_PARKING_MARKS = (
    "data-adblockkey=",
    "window.park ",
    "window.park=",
    "sedoparking.com",
    "parkingcrew.net",
    'location.href="/lander',
)


@dataclass(frozen=True, slots=True)
class SoftError:
    """What a page is instead of an article: its outcome, and what gave it away."""

    outcome: Outcome
    reason: str


def find_soft_error(
    asked: str, answered: str, body: bytes, content_type: str
) -> SoftError | None:
    """Tell whether a page of status 200 is no article; None if nothing speaks for it.

    *asked* is the address that was wanted, *answered* the one that redirects ended at,
    *body* the decoded body. Only its first `HEAD_BYTES` are looked at.
    """
    if not body.strip(_BLANK):
        return _walled("is empty")
    where = _by_address(asked, answered) if asked != answered else None
    return where or _by_content(body, content_type)


def _by_address(asked: str, answered: str) -> SoftError | None:
    """Judge a redirect by where it led."""
    try:
        wanted, got = urlsplit(asked), urlsplit(answered)
    except ValueError:  # an archive may say of any text that it is what it saved
        return None
    old, new = _segments(wanted), _segments(got)
    if old == new or any(_is_telling(name) and name in new for name in old):
        return None
    host = got.hostname or ""
    is_elsewhere = host != wanted.hostname
    label = host.partition(".")[0] if is_elsewhere else ""
    places = [_PLACES[name] for name in new if name in _PLACES and name not in old]
    place = next(iter(places), None) or _PLACES_BY_LABEL.get(label)
    if place is not None:
        error = _missing if place == _ERROR_PAGE else _walled
        return error(f"led to {place}, {answered}")
    if is_elsewhere and _is_below(host, _PARKING_HOSTS):
        return _missing(f"led to a domain dealer, {answered}")
    if got.query or not _is_deep(wanted, old):
        return None
    front = _front_of(old, new)
    return _missing(f"led to {front}, {answered}") if front else None


def _front_of(old: list[str], new: list[str]) -> str | None:
    """Tell whether a path is that of a front page, where *old* was an article's."""
    if _is_home(new):
        return "the home page"
    is_section = old[: len(new)] == new and not any(map(_is_telling, new))
    if is_section and any(map(_is_telling, old[len(new) :])):
        return "a section's page"
    return None


def _by_content(body: bytes, content_type: str) -> SoftError | None:
    """Judge a page by its title, its first heading and, if small, its scripts."""
    head = body[:HEAD_BYTES]
    if len(body) > HEAD_BYTES:  # a torn character would make it look less like UTF-8
        head = head.rstrip(_HIGH_BYTES)
    text = decode(head, content_type).text
    title, heading = _element(text, "title"), _element(text, "h1")
    found = _by_phrase(title, heading, text)
    if found is None and len(body) <= SMALL_BYTES:
        found = _by_marks(text) or _by_blocks(title, text)
    if found is None or _ARTICLE_SIGNS.search(text):
        return None
    return found


def _by_phrase(title: str, heading: str, text: str) -> SoftError | None:
    """Look for a phrase that is all of the heading, or of the title but for a name."""
    said = _kind_of(heading)
    for part in _TITLE_JOINTS.split(title):
        kind = _kind_of(part)
        if kind is None or (kind is LOGIN and not _PASSWORD.search(text)):
            continue
        is_name = len(_words(title.replace(part, " ", 1))) <= MAX_WORDS
        if is_name or kind is said:
            return _ERRORS[kind](f"has the title {_quoted(title)}")
    # A title that begins like the heading and goes on is a headline.
    if said is NOT_FOUND and heading.casefold() not in title.casefold():
        return _missing(f"has the heading {_quoted(heading)}")
    return None


def _by_marks(text: str) -> SoftError | None:
    if _STATUS.search(text):
        return _missing("says so in its prerender-status-code")
    for mark in _CHALLENGE_MARKS:
        if mark in text:
            return _walled(f"is a challenge to robots (it holds {mark!r})")
    for mark in _PARKING_MARKS:
        if mark in text:
            return _missing(f"is a parked domain (it holds {mark!r})")
    return None


def _by_blocks(title: str, text: str) -> SoftError | None:
    """Look for a phrase that is all of a heading, or a long one all of a paragraph.

    Only where little else is shown, and nothing has the heading of an article, nor a
    title that goes on.
    """
    if text.count("<p>") + text.count("<p ") > MAX_PARAGRAPHS:
        return None
    blocks, room = [], MAX_SHOWN
    for name, said in _blocks(text):
        blocks.append((name, said))
        room -= len(said)
        if room < 0:  # as on nearly all pages, soon
            return None
    kinds = [_kind_of(said) for _, said in blocks]
    if any(
        name == "h1" and kind is None and len(_words(said)) > MAX_WORDS
        for kind, (name, said) in zip(kinds, blocks, strict=True)
    ):
        return None
    for kind, (name, said) in zip(kinds, blocks, strict=True):
        is_all = name in _HEADINGS or len(_words(said)) > MAX_WORDS
        is_begun = said.casefold() in title.casefold()
        if kind in _SAID_ANYWHERE and is_all and not is_begun:
            return _ERRORS[kind](f"says {_quoted(said)}")
    return None


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield what each box of a page shows, with the name of its element."""
    box, hidden, parts = "", "", [""]
    for piece in (*text.split("<"), ">"):
        tag, _, said = piece.partition(">")
        name = _TAG_NAME.match(tag.lower())
        end = name[0] if name else ""
        if hidden:
            hidden = "" if end == f"/{hidden}" else hidden
        elif end in _HIDDEN:
            hidden = end
        elif end.lstrip("/") not in _INLINE:
            if shown := " ".join(html.unescape("".join(parts)).split()):
                yield box, shown
            box, parts = end, [said]
        else:
            parts.append(said)


def _kind_of(text: str) -> str | None:
    """Return which list *text* is a phrase of, noise apart; None if of none."""
    words = _words(text)
    if not words or len(words) > MAX_PHRASE_WORDS:
        return None
    found = _PHRASES.get(" ".join(words))
    if found is not None:
        return found
    kept = _without_noise(words)
    if not kept and "404" in words:
        return NOT_FOUND
    return _PHRASES.get(kept)


def _without_noise(words: list[str]) -> str:
    return " ".join(word for word in words if word not in NOISE)


def _words(text: str) -> list[str]:
    return _NO_WORD.sub(" ", text.casefold()).split()


def _element(text: str, name: str) -> str:
    """Return the text of the first element of that *name*; a long one says nothing."""
    start = text.find(f"<{name}")
    if start < 0:
        start = text.find(f"<{name.upper()}")
    if start < 0:
        return ""
    found = _ELEMENTS[name].match(text, start, start + MAX_ELEMENT)
    inner = found[1] if found else ""
    return " ".join(html.unescape(_TAG.sub(" ", inner)).split())


def _segments(url: SplitResult) -> list[str]:
    return [part.lower() for part in url.path.split("/") if part]


def _is_telling(segment: str) -> bool:
    """Tell whether a part of a path is the name or number of one article."""
    is_slug = len(segment) >= 10 and ("-" in segment or "_" in segment)
    return is_slug or re.search("[0-9]{5}", segment) is not None


def _is_deep(url: SplitResult, segments: list[str]) -> bool:
    is_numbered = re.search("[0-9]{3}", url.query) is not None
    return len(segments) >= 2 or any(map(_is_telling, segments)) or is_numbered


def _is_home(segments: list[str]) -> bool:
    rest = [name for name in segments if name not in _HOME]
    return not rest or (len(rest) == 1 and _LANGUAGE.fullmatch(rest[0]) is not None)


def _is_below(host: str, domains: list[str]) -> bool:
    return any(host == name or host.endswith("." + name) for name in domains)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:99] + "…")


def _missing(reason: str) -> SoftError:
    return SoftError("http_error", f"a soft 404: it {reason}")


def _walled(reason: str) -> SoftError:
    return SoftError("bad_response", f"no article: it {reason}")


_BLANK = b"\t\n\x0c\r \0\xef\xbb\xbf\xfe\xff"  # of UTF-16, too
_TAG_NAME = re.compile(r"/?[a-z0-9]*")
_HIDDEN = frozenset({"title", "script", "style", "template", "noscript", "svg"})
_INLINE = frozenset("a abbr b em font i small span strong u".split())
_HEADINGS = frozenset({"h1", "h2", "h3"})
_HIGH_BYTES = bytes(range(0x80, 0x100))
_ERRORS: dict[str, Callable[[str], SoftError]] = {
    NOT_FOUND: _missing,
    PARKED: _missing,
    CONSENT: _walled,
    BARRED: _walled,
    FAILING: _walled,
    CHALLENGE: _walled,
    LOGIN: _walled,
}
_SAID_ANYWHERE = frozenset({NOT_FOUND, PARKED, CONSENT, BARRED, FAILING})
_PHRASES = {
    phrase: kind
    for kind in _ERRORS
    for line in kind.split("\n")
    for phrase in (" ".join(_words(line)), _without_noise(_words(line)))
    if phrase
}
MAX_PHRASE_WORDS = 16
