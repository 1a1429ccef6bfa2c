"""A captured page becomes text, metadata and links. Pure.

`trafilatura` finds the text; what the page says about itself is read by
`tasks.metadata`. Imported lazily by its users: it costs half a second.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import chain, islice

import trafilatura
from lxml import etree
from lxml.html import HtmlElement
from trafilatura.settings import MANUALLY_CLEANED

from tasks.linkeddata import plain_text
from tasks.markup import flatten, parse_html
from tasks.metadata import Metadata, read_metadata
from tasks.models import Link, Page, PageRepair, Rejection
from tasks.standins import StandIns
from tasks.text import decode, repair
from tasks.urls import fetch_url, join_url

MAX_LINKS = 2_000
MAX_ANCHOR = 500  # characters; more is a whole article inside of a link
SHORT_WORDS = 50  # fewer are a teaser, a consent page or a video's caption
BRIEF_WORDS = 200  # more are an article, whatever stands around it
TERSE = 250  # characters: what trafilatura itself takes for too little
MUCH_MORE = 1.2  # times as long: less is captions and lists, not a lost part
BOXES = 5  # levels above a paragraph that tell what kind of box it is in
SENTENCE = 80  # characters; shorter paragraphs are captions, bylines, buttons
_ASIDE = ("aside", "footer", "nav", "form", "noscript", "a", "li")
# What extractors take no text from. One that nothing closes holds the rest of its page.
_NO_TEXT = frozenset(MANUALLY_CLEANED) - {"head", "script", "style", "textarea"}
# What holds text that is not the article's: comments, other stories, what is unseen.
_OTHER_TEXT = frozenset(
    """
    a aside button figcaption figure footer form head iframe li nav noscript option pre
    script select style svg template textarea
    """.split()
)
_NO_SENTENCES = frozenset({"script", "style", "textarea"})
_OTHER_MARKS = re.compile("omment|elated|ecirc")
_OFFERS = etree.XPath(
    "//*[contains(@class, 'paywall') or contains(@id, 'paywall')"
    " or contains(@class, 'subscriber-only') or contains(@class, 'piano-offer')]"
)
# What stands at the end of a teaser. English, German, French, Spanish, Italian.
_PAYWALL = re.compile(
    r"(?:subscribe|sign up|log in|register|create (?:a|your) account)[^.]{0,40}"
    r"\b(?:to (?:continue|keep|read|unlock|access)|continue reading)"
    r"|\b(?:this|the full) (?:article|content|story) is (?:only )?(?:available )?"
    r"(?:for|to|reserved for) (?:our )?(?:paying )?(?:subscribers|members)"
    r"|already a (?:subscriber|member)\?|exclusive(?:ly)? (?:for|to) subscribers"
    r"|nur für abonnent|weiterlesen mit|jetzt abonnieren|réservé aux abonnés"
    r"|exclusivo para suscriptores|riservato agli abbonati",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"before you continue|we (?:value|care about) your privacy|your privacy choices"
    r"|we and our \d* ?partners|(?:accept|use of|uses|about|these) cookies"
    r"|cookie (?:consent|settings|policy)|zustimmen und weiter|mit werbung weiterlesen"
    r"|accepter et continuer|aceptar y continuar|accetta e continua",
    re.IGNORECASE,
)
_NO_PAGE = re.compile(
    r"(?:(?:error )?404\b|.{0,20}\b(?:page|article|story|content|file)s?(?: was| is|"
    r" could|[^\w]+)*\s*(?:not (?:be )?found|no longer (?:available|exists)"
    r"|unavailable|does(?:n.t| not) exist))|not found\b|seite nicht gefunden"
    r"|page (?:introuvable|non trouvée)|página no encontrada|pagina non trovata",
    re.IGNORECASE,
)
_BINARY = (
    (re.compile(rb"%PDF"), "PDF"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP", re.DOTALL), "an image"),
    (re.compile(rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!"), "an archive"),
    (re.compile(rb"....ftyp|ID3|OggS|\x1aE\xdf\xa3", re.DOTALL), "sound or video"),
    (re.compile(rb"\s*[{\[]"), "JSON"),
    (
        re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:rss|feed|urlset|sitemapindex|svg)\b"),
        "XML",
    ),
)
# A word is a run of letters and digits, with apostrophes and hyphens inside; of scripts
# written without blanks (Chinese, Japanese), each character counts as one.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(
    rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['\u2019\-][^\W_{_UNSPACED}]+)*"
)

for _name in ("trafilatura", "htmldate", "justext", "courlan"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def read_page(
    content: bytes,
    url: str,
    content_type: str | None = None,
    *,
    fetched_at: datetime | None = None,
    publisher: str | None = None,
) -> Page | Rejection:
    """Read the page that was got from *url* with this `Content-Type`; never raises.

    *publisher* is who is known to publish it: a name that is no part of its title.

    Flags: those of `text.decode` and `markup.parse_html`; `repaired` (a text of it was
    changed, see `repairs`); `short` (fewer than 50 words, perhaps none: see
    `SHORT_WORDS`); `partial` (its text is less than half of the page's sentences:
    perhaps some of the article is missing); `paywall` (only the beginning, or said not
    to be free); `consent` (asks for consent instead); `soft_404` (says that there is no
    such page).
    """
    try:
        return _read(content, url, content_type, fetched_at, publisher)
    except MemoryError:
        return Rejection("page", url, "needs more memory than there is")
    except Exception as error:  # noqa: BLE001 - hostile pages find ways nobody listed
        detail = f"{type(error).__name__}: {error}"[:1_000]
        return Rejection("page", url, "cannot be read", detail)


_BLANK = " \t\xa0\u200b\u2060"


def count_words(text: str) -> int:
    """Count runs of letters and digits; in unspaced scripts, characters.

    >>> count_words("Don't panic: 24-hour news, 3 words")
    6
    """
    return sum(1 for _ in _WORD.finditer(text))


def _read(
    content: bytes,
    url: str,
    content_type: str | None,
    fetched_at: datetime | None,
    publisher: str | None,
) -> Page | Rejection:
    reason = _why_no_page(content)
    if reason:
        return Rejection("page", url, reason, content_type or "")
    decoded = decode(content, content_type)
    try:
        tree, mended = parse_html(decoded.text)
    except ValueError as error:
        return Rejection("page", url, str(error), content_type or "")
    base_url = _base_url(tree, url)
    metadata = read_metadata(tree, base_url, fetched_at, publisher)
    written_links = islice(_links(tree, base_url), MAX_LINKS)
    repairs = list(metadata.repairs)
    links = tuple(
        Link(address, _repaired("anchor", place, [anchor], repairs))
        for place, (address, anchor) in enumerate(written_links)
    )
    if "deep" in mended:
        flatten(tree)
    paragraphs = _paragraphs(tree, url, metadata.body)
    if metadata.title and plain_text("".join(paragraphs[0])) == metadata.title:
        del paragraphs[0]  # the title is a value of its own
    told = (
        _repaired("text", place, pieces, repairs)
        for place, pieces in enumerate(paragraphs)
    )
    # Editors hold empty lines open by zero-width spaces.
    text = "\n".join(line for line in told if line.strip(_BLANK))
    word_count = count_words(text)
    flags = [*decoded.flags, *mended]
    if repairs:
        flags.append("repaired")
    if word_count < SHORT_WORDS:
        flags.append("short")
    if _is_partial(tree, text):
        flags.append("partial")
    flags.extend(_barriers(tree, metadata, text, word_count))
    return Page(
        title=metadata.title,
        authors=metadata.authors,
        published_at=metadata.published_at,
        modified_at=metadata.modified_at,
        language=metadata.language,
        site_name=metadata.site_name,
        canonical_url=metadata.canonical_url,
        lead_image_url=metadata.lead_image_url,
        text=text,
        word_count=word_count,
        encoding=decoded.encoding,
        encoding_source=decoded.source,
        flags=tuple(flags),
        origins=metadata.origins,
        links=links,
        repairs=tuple(repairs),
    )


def _why_no_page(content: bytes) -> str | None:
    if not content.strip():
        return "is empty"
    for pattern, name in _BINARY:
        if pattern.match(content):
            return f"is {name}, not HTML"
    return None


def _paragraphs(tree: HtmlElement, url: str, body: str) -> list[list[str]]:
    """Return the article's paragraphs, each in pieces of which every second is code.

    trafilatura's strict text, because what that leaves out is captions and teasers more
    often than text. Where it finds less than half of what the paragraphs hold, or next
    to nothing, all of trafilatura is asked, and believed if it finds much more; what it
    leaves out of several boxes of one kind is added (see `_with_rest`).
    JSON-LD's *body* is the publisher's own word on what the article is: it counts where
    it holds much more, and what was found as well.
    """
    stand_ins = StandIns(tree)
    _unbox(tree)
    sentences = [(p, line) for p, line in _long_lines(tree) if not _is_aside(p)]
    text = _extracted(tree, url, is_strict=True)
    mass = sum(len(line) for _, line in sentences)
    if len(text) < max(TERSE, mass / 2):
        thorough = _extracted(tree, url, is_strict=False)
        if len(thorough) > MUCH_MORE * len(text):
            text = thorough
    whole = _with_rest(text, sentences) if mass > MUCH_MORE * len(text) else text
    if len(whole) > MUCH_MORE * len(text):
        text = whole
    paragraphs = [stand_ins.parts(line) for line in text.split("\n")]
    lines = map("".join, paragraphs)
    if len(body) > MUCH_MORE * len(text) and _holds(body, lines):
        return [[line] for line in body.split("\n")]
    return paragraphs


def _extracted(tree: HtmlElement, url: str, *, is_strict: bool) -> str:
    text = trafilatura.extract(
        tree,
        url=url,
        include_comments=False,
        output_format="txt",
        fast=is_strict,
        favor_precision=is_strict,
    )
    return str(text or "").strip()


def _long_lines(tree: HtmlElement) -> Iterator[tuple[HtmlElement, str]]:
    """Yield paragraphs that are sentences, each with its line."""
    for paragraph in tree.iter("p"):
        line = " ".join("".join(islice(paragraph.itertext(), 100)).split())
        if len(line) > SENTENCE:
            yield paragraph, line


def _is_aside(paragraph: HtmlElement) -> bool:
    return next(paragraph.iterancestors(*_ASIDE), None) is not None


def _unbox(tree: HtmlElement) -> None:
    """Make plain boxes of those that hold most of a page, whatever they are called."""
    held: Counter[HtmlElement] = Counter()
    whole = in_forms = 0
    for element, said in _long_texts(tree):
        whole += len(said)
        boxes = (element, *element.iterancestors(*_NO_TEXT))
        held.update(dict.fromkeys(boxes, len(said)))
        if any(box.tag == "form" for box in boxes):
            in_forms += len(said)
    for box, length in held.items():
        # A form that nothing closes ends where the next one begins: they count as one.
        most = in_forms if box.tag == "form" else length
        if box.tag in _NO_TEXT and 2 * most > whole:
            box.tag = "div"


def _is_partial(tree: HtmlElement, text: str) -> bool:
    """Tell whether *text* is less than half of the sentences that *tree* shows.

    If all of them are in comments or the like, one that nothing closes holds the rest.
    """
    lines = ((box, " ".join(said.split())) for box, said in _long_texts(tree))
    told = [(box, len(line)) for box, line in lines if len(line) > SENTENCE]
    whole = sum(length for _, length in told)
    if whole <= 2 * len(text):
        return False  # nearly always: what is whose need not be asked
    mass = sum(length for box, length in told if not _is_other(box))
    return 2 * len(text) < (mass or whole)


def _long_texts(tree: HtmlElement) -> Iterator[tuple[HtmlElement, str]]:
    """Yield the texts that may be sentences, each with the element that it is in."""
    for element in tree.iter(etree.Element):
        said = element.text
        if said and len(said) > SENTENCE and element.tag not in _NO_SENTENCES:
            yield element, said
        if (said := element.tail) and len(said) > SENTENCE:
            yield element.getparent(), said


def _is_other(box: HtmlElement) -> bool:
    return any(
        above.tag in _OTHER_TEXT
        or _OTHER_MARKS.search(f"{above.get('class')} {above.get('id')}")
        for above in chain([box], box.iterancestors())
    )


def _with_rest(text: str, sentences: Iterable[tuple[HtmlElement, str]]) -> str:
    """Add the paragraphs that stand in the same kind of boxes as those of *text*.

    Between advertisements, some sites begin a new box of their article, and extractors
    take one of them for the whole.
    """
    lines = text.split("\n")
    places = {" ".join(line.split()): place for place, line in enumerate(lines)}
    placed = [(_boxes(p), line, places.get(line)) for p, line in sentences]
    kinds = {boxes for boxes, _, place in placed if place is not None}
    at = next((place for _, _, place in placed if place is not None), 0) - 1
    missing: dict[int, list[str]] = defaultdict(list)  # by the line that they follow
    for boxes, line, place in placed:
        if place is not None:
            at = place
        elif boxes in kinds:
            missing[at].append(line)
    found = ([line, *missing[place]] for place, line in enumerate(lines))
    return "\n".join(chain(missing[-1], *found))


def _boxes(paragraph: HtmlElement) -> tuple[tuple[str, str | None], ...]:
    """Return the kinds of what *paragraph* is in: tags and classes."""
    above = islice(paragraph.iterancestors(), BOXES)
    return tuple((element.tag, element.get("class")) for element in above)


def _holds(body: str, lines: Iterable[str]) -> bool:
    """Tell whether *body* has most of *lines* in it."""
    whole = " ".join(body.split())
    plain = (" ".join(line.split()) for line in lines)
    sentences = [line for line in plain if len(line) > SENTENCE]
    held = sum(len(line) for line in sentences if line[:SENTENCE] in whole)
    return 2 * held >= sum(map(len, sentences))


def _barriers(
    tree: HtmlElement, metadata: Metadata, text: str, word_count: int
) -> Iterator[str]:
    """Name what stands between the reader and the article."""
    is_brief = word_count < BRIEF_WORDS
    shown = f"{metadata.title or ''}\n{text if is_brief else ''}"
    offers = (e.text_content()[:1_000] for e in _OFFERS(tree)[:10]) if is_brief else ()
    if metadata.is_free is False or (
        is_brief and any(map(_PAYWALL.search, (text, *offers)))
    ):
        yield "paywall"
    if is_brief and _CONSENT.search(shown):
        yield "consent"
    if is_brief and _NO_PAGE.match(metadata.title or ""):
        yield "soft_404"


def _repaired(
    column: str, position: int, pieces: list[str], repairs: list[PageRepair]
) -> str:
    """Repair a paragraph or an anchor and put it on record.

    Each paragraph by itself: encodings change from quote to quote. Every second of its
    *pieces* is code, and stays.
    """
    before = "".join(pieces)
    if before.isascii() and before.isprintable():
        return before
    mended = [repair(prose) for prose in pieces[::2]]
    pieces[::2] = [prose.text for prose in mended]
    after = "".join(pieces)
    rules = dict.fromkeys(rule for prose in mended for rule in prose.rules)
    repairs.extend(PageRepair(column, position, r, before, after) for r in rules)
    return after


def _base_url(tree: HtmlElement, url: str) -> str:
    """Return what addresses are relative to: the first `<base>`, or the page."""
    try:
        own = fetch_url(url)
    except ValueError:
        own = "about:blank"  # relative addresses have no meaning, absolute ones do
    for base in tree.findall(".//base[@href]")[:1]:
        with suppress(ValueError):
            return join_url(own, base.get("href"))
    return own


def _links(tree: HtmlElement, base_url: str) -> Iterator[tuple[str, str]]:
    """Yield each address once, in order, without its fragment, and its anchor."""
    here = base_url.partition("#")[0]
    seen = {here}
    for element in tree.iter("a", "area"):
        reference = (element.get("href") or "").partition("#")[0].strip()
        if not reference:
            continue
        try:
            address = join_url(base_url, reference)
        except ValueError:
            continue
        if address not in seen:
            seen.add(address)
            yield address, _anchor(element)


def _anchor(element: HtmlElement) -> str:
    pieces = islice(element.itertext(), 100)  # unclosed links hold the rest of the page
    anchor = " ".join("".join(pieces).split())
    if not anchor:
        anchor = " ".join(
            image.get("alt") or "" for image in element.iterfind(".//img")
        )
    return anchor[:MAX_ANCHOR].strip()
