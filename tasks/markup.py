"""HTML text becomes a tree, whatever was put into the text. Pure.

What libxml2 or the extractors stumble over is mended first, and named by a flag:
`scrubbed` (forbidden characters, long runs of combining marks), `truncated` (more
than the caps), `deep` (more levels of elements than extractors bear), `unclosed`
(paragraphs lie in a comment or a script that was not closed, as for browsers).
"""

from __future__ import annotations

import re
import sys
import unicodedata
from itertools import chain, islice

from lxml import etree
from lxml.html import (
    HtmlComment,
    HtmlElement,
    HtmlEntity,
    HTMLParser,
    HtmlProcessingInstruction,
    document_fromstring,
)

from tasks.text import MAX_MARKS

MAX_CHARACTERS = 5_000_000  # the longest news pages have some 2 million
# Extractors take quadratic time, for as many some seconds. Of 328 real pages half have
# fewer than 800; one, of comments, 12,000.
MAX_ELEMENTS = 30_000
# Extractors take quadratic time for headings in a row: 4 s for 30,000. Real pages have
# some dozens; more than these are read as paragraphs, so that nothing is lost.
MAX_HEADINGS = 2_000
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# They also take quadratic time for what stands in one box with loose text between: 35 s
# for 20,000 links. What follows so many goes into boxes of its own.
MAX_CHILDREN = 1_000
# They fill up the rows of a table to the widest, in 0.1 ms a cell. Where that takes so
# many, its own cells become paragraphs, so that nothing is lost.
MAX_FILLED = 10_000
_CELLS = frozenset({"td", "th"})
_OF_TABLES = ("table", "thead", "tbody", "tfoot", "tr", "td", "th")
MAX_DEPTH = 250  # extractors recurse; a news page has 20 to 40 levels
_IS_DEEP = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 1)})")
_LIBXML_DEPTH = 2_048  # where libxml2 drops everything below, even if asked not to
# libxml2 holds each attribute of an element against all before it: minutes for 400,000.
# Real elements have a dozen; only tags this long, in characters, are looked at.
MAX_ATTRIBUTES = 500
_LONG_TAG = re.compile(r"<[A-Za-z][^<>]{4000,}")
_ATTRIBUTE = re.compile(
    r"""(?<![\s/])[\s/]+[^\s/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"']*))?"""
)
# What XML forbids (XML 1.0, 2.2) and lxml refuses or stops at; and lone surrogates.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# Without them, what they part would be a reference, perhaps to one of them.
_PARTED = re.compile(rf"&(?=(?:#[xX]?[0-9a-fA-F]*)?{_FORBIDDEN.pattern})")
# Long runs of combining marks take quadratic time to normalise, as extractors do. Only
# those of plane 0: with any other, the pattern takes fifty times as long.
_MARK = "".join(c for c in map(chr, range(0x300, 0x10000)) if unicodedata.combining(c))
_MARKS = re.compile(rf"([{_MARK}]{{{MAX_MARKS}}})[{_MARK}]+")
# Whether there may be any of both: looked for together, in a quarter of the time.
_SUSPECT = re.compile(f"{_FORBIDDEN.pattern[:-1]}{_MARK}]")
_REFERENCE = re.compile(r"&#(?:[xX]0*([0-9a-fA-F]{1,6})|0*([0-9]{1,7}));?")
_WRAPPER = re.compile(
    r"</?(?:div|span|font|b|i|u|s|em|strong|small|big|center|section|article|a|sup|sub"
    r"|blockquote|dl|dd|ul|ol|li|table|tbody|tr|td|ins|del|form|fieldset)\b[^<>]*>",
    re.IGNORECASE,
)
# libxml2 2.14 drops all that follows the end of `<html>`, and lays what follows that of
# `<body>` beside it. To HTML both still belong to the body (13.2.6.4.19 and .22).
_END = re.compile(r"</(?:body|html)(?:[\s/][^<>]*)?>", re.IGNORECASE)
# What holds no elements, up to its end; this and the next two of text in small letters.
_RAW = re.compile(
    r"<(?:!--|(?:script|style|textarea|title|xmp|iframe|noembed|noframes|plaintext)"
    r"(?=[\s/>]))"
)
# The next of its kind as markup has it, not as programs quote it.
_NEXT = re.compile(r"<!--|(?<=[\s>])<[a-z]+(?:\s[^<>\\]*)?>")
_PARAGRAPH = re.compile(r"<p(?:\s[^<>\\]*)?>[^<]{80}")
# One class whatever the tag: lxml asks a function of Python for it, each time that an
# element is met anew, and that was a tenth of a page.
_CLASSES = etree.ElementDefaultClassLookup(
    HtmlElement, HtmlComment, HtmlProcessingInstruction, HtmlEntity
)
_UNSEEN = frozenset({"script", "style", "template", "noscript"})


def parse_html(text: str) -> tuple[HtmlElement, tuple[str, ...]]:
    """Return the tree of *text* and the flags of what had to be mended.

    Raises `ValueError` when there is no element in it at all.
    """
    flags = []
    whole = text
    text = _LONG_TAG.sub(_with_fewer_attributes, text[:MAX_CHARACTERS])
    is_cut = len(text) < len(whole)
    text = _END.sub("", text)
    scrubbed, is_changed = _scrub(text)
    if is_changed:
        flags.append("scrubbed")
    tree = _tree(scrubbed)
    depth = _depth(tree)
    if depth >= _LIBXML_DEPTH:
        tree = _tree(_WRAPPER.sub("\n", scrubbed))
    if _prune(tree) or is_cut:
        flags.append("truncated")
    if depth > MAX_DEPTH:
        flags.append("deep")
    if _hides_paragraphs(text):
        flags.append("unclosed")
    for heading in list(islice(tree.iter(*_HEADINGS), MAX_HEADINGS, None)):
        heading.tag = "p"
    for box in [box for box in tree.iter("div") if len(box) > MAX_CHILDREN]:
        _part(box)
    for table in list(tree.iter("table")):
        _unroll(table)
    return tree, tuple(flags)


def _unroll(table: HtmlElement) -> None:
    """Turn a table into paragraphs where its rows are of very different widths."""
    rows = list(table.iter("tr"))
    cells = [[c for c in row if c.tag in _CELLS] for row in rows]
    widest = max((sum(map(_columns, row)) for row in cells), default=0)
    if widest * len(rows) - sum(map(len, cells)) <= MAX_FILLED:
        return
    for element in table.iter(*_OF_TABLES):
        element.tag = "p" if element.tag in _CELLS else "div"


def _columns(cell: HtmlElement) -> int:
    spanned = cell.get("colspan", "").strip()
    is_number = spanned.isascii() and spanned.isdigit()
    return int(spanned[:4]) if is_number else 1


def _part(box: HtmlElement) -> None:
    """Put what follows the first `MAX_CHILDREN` of *box* into boxes, as many each."""
    children = list(box)
    for start in range(MAX_CHILDREN, len(children), MAX_CHILDREN):
        part = etree.SubElement(box, "div")
        part.extend(children[start : start + MAX_CHILDREN])


def _hides_paragraphs(text: str) -> bool:
    """Tell whether what was not closed in time has paragraphs in it.

    It goes on to the end of the page, or to where the next of its kind ends.
    """
    text = text.lower()
    place = 0
    while found := _RAW.search(text, place):
        opening = found[0]
        ending = "-->" if opening == "<!--" else f"</{opening[1:]}"
        end = text.find(ending, found.end())
        place = len(text) if end < 0 else end
        following = text.find(opening, found.end(), place)
        is_open = end < 0 or (following > 0 and _NEXT.match(text, following))
        if is_open and _PARAGRAPH.search(text, found.end(), place):
            return True
    return False


def flatten(tree: HtmlElement) -> None:
    """Turn what lies below `MAX_DEPTH` into plain paragraphs, in place."""
    roots = [e for e, depth in _walk(tree) if depth == MAX_DEPTH and len(e)]
    for root in roots:
        pieces = [
            piece
            for element in root.iter(etree.Element)
            if element.tag not in _UNSEEN
            for piece in (element.text, *(child.tail for child in element))
            if piece and piece.strip()
        ]
        tail = root.tail
        root.clear()
        root.tail = tail
        for piece in pieces:
            etree.SubElement(root, "p").text = piece


def _with_fewer_attributes(tag: re.Match[str]) -> str:
    last = next(islice(_ATTRIBUTE.finditer(tag[0]), MAX_ATTRIBUTES, None), None)
    return tag[0][: last.start()] if last else tag[0]


def _scrub(text: str) -> tuple[str, bool]:
    """Return *text* without what does harm, and whether there was any."""
    resolved = _REFERENCE.sub(_resolved, text) if "&#" in text else text
    # A blank to HTML (12.1.4), which XML forbids.
    resolved = resolved.replace("\f", " ")
    if not _SUSPECT.search(resolved) or not (
        _FORBIDDEN.search(resolved) or _MARKS.search(resolved)
    ):
        return resolved, False
    whole = _PARTED.sub("&amp;", resolved)
    return _MARKS.sub(r"\1", _FORBIDDEN.sub("", whole)), True


def _resolved(reference: re.Match[str]) -> str:
    """Resolve what `_scrub` must see, and what libxml2 reads as a control character.

    The latter mean windows-1252: HTML, 13.2.5.80 (numeric character reference end
    state).
    """
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    if 0x80 <= code <= 0x9F:
        return bytes([code]).decode("cp1252", "ignore")
    if code > sys.maxunicode:
        return "\0"
    if code == ord("\f") or unicodedata.combining(chr(code)):
        return chr(code)
    return chr(code) if _FORBIDDEN.match(chr(code)) else reference[0]


def _tree(text: str) -> HtmlElement:
    # Without `huge_tree`, libxml2 drops what is below 255 elements or in a long line.
    parser = HTMLParser(
        encoding="utf-8", huge_tree=True, remove_pis=True, remove_comments=True
    )
    parser.set_element_class_lookup(_CLASSES)
    try:
        return document_fromstring(text.encode(), parser=parser)
    except etree.ParserError:
        msg = "holds no element"
        raise ValueError(msg) from None


def _prune(tree: HtmlElement) -> bool:
    """Drop what follows the last of `MAX_ELEMENTS`; tell whether there was any."""
    last = next(islice(tree.iter(etree.Element), MAX_ELEMENTS, None), None)
    if last is None:
        return False
    for element in chain([last], list(last.iterancestors())[:-1]):
        above = element.getparent()
        del above[above.index(element) + (element is not last) :]
    return True


def _depth(tree: HtmlElement) -> int:
    """Return how many levels the tree has; 0 if no more than `MAX_DEPTH`."""
    if not _IS_DEEP(tree):
        return 0
    return max(depth for _, depth in _walk(tree))


def _walk(tree: HtmlElement) -> list[tuple[HtmlElement, int]]:
    """List the elements with their levels, the root's being 1; without recursion."""
    found = []
    depth = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            depth += 1
            found.append((element, depth))
        else:
            depth -= 1
    return found
