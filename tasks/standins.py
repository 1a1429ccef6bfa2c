"""What extractors drop or change goes past them under stand-ins. Pure.

trafilatura removes every character that is not printable: the joiners of Persian and
Hindi, the breaks of Thai, the marks of direction. It makes blanks of no-break spaces,
composes accents, and resolves entities in what was written about entities. Code is
marked, too, for what looks broken in it may be meant so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree
from lxml.html import HtmlElement

_BLANKS = "\xa0\u202f"  # that break no line
_UNPRINTABLE = "\u061c\u180e\ufeff" + "".join(
    chr(code)
    for first, last in (
        (0x0080, 0x0084),  # controls of C1, but for the one that ends a line
        (0x0086, 0x009F),
        (0x0300, 0x036F),  # accents
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
    )
    for code in range(first, last + 1)
)
_LOST = f"&{_BLANKS}{_UNPRINTABLE}"
# Hieroglyphs: printable, no blanks, and in no news page; where they are, none stand in.
_FIRST = 0x13000
_HIDDEN = {character: chr(_FIRST + n) for n, character in enumerate(_LOST)}
_SHOWN = {ord(hidden): character for character, hidden in _HIDDEN.items()}
_OPEN, _CLOSE = (chr(_FIRST + len(_LOST) + n) for n in range(2))
_STAND_IN = re.compile(f"[{chr(_FIRST)}-{_CLOSE}]")
# A no-break space between words; an ampersand that begins what looks like an entity;
# the rest wherever it touches anything.
_CHANGED = re.compile(
    f"(?<=\\S)[{_BLANKS}](?=\\S)|&(?=#?\\w{{1,31}};)"
    f"|[{_UNPRINTABLE}](?=\\S)|(?<=\\S)[{_UNPRINTABLE}]"
)
_NO_TEXT = frozenset({"script", "style"})  # whole programs, that no extractor reads
_CODE = ("pre", "code", "samp", "kbd")
_LINE = re.compile(r"\S(?:.*\S)?")
_MARK = re.compile(f"[{_OPEN}{_CLOSE}]")
_MARKED = re.compile(f"({_OPEN}[^{_OPEN}{_CLOSE}]*{_CLOSE})")


class StandIns:
    """The stand-ins of one page: none if it has such characters of its own."""

    def __init__(self, tree: HtmlElement) -> None:
        """Put stand-ins for what extractors would lose, and mark code, in place."""
        written = [
            (e, None if e.tag in _NO_TEXT else e.text, e.tail)
            for e in tree.iter(etree.Element)
        ]
        texts = (part for _, *parts in written for part in parts if part)
        self._are_out = not any(
            _STAND_IN.search(text) for text in texts if not text.isascii()
        )
        if self._are_out:
            _hide(tree, written)

    def parts(self, text: str) -> list[str]:
        """Bring back what was hidden, split at code: prose, code, prose and so on."""
        if not self._are_out:
            return [text]
        parts = _MARKED.split(text)
        return [_MARK.sub("", part).translate(_SHOWN) for part in parts]


def _hide(
    tree: HtmlElement, written: Iterable[tuple[HtmlElement, str | None, str | None]]
) -> None:
    for element, text, tail in written:
        # Most texts stay, and to set one costs ten times as much as to look at it.
        if (hidden := _hidden(text)) is not text:
            element.text = hidden
        if (hidden := _hidden(tail)) is not tail:
            element.tail = hidden
    for code in tree.iter(*_CODE):
        if next(code.iterancestors(*_CODE), None) is None:
            code.text = _marked(code.text)
            for inner in code.iterdescendants(etree.Element):
                inner.text = _marked(inner.text)
                inner.tail = _marked(inner.tail)


def _hidden(text: str | None) -> str | None:
    if not text or (text.isascii() and "&" not in text) or not _CHANGED.search(text):
        return text
    if not re.search(r"\w", text):
        return text
    return _CHANGED.sub(lambda found: _HIDDEN[found[0]], text)


def _marked(text: str | None) -> str | None:
    return _LINE.sub(rf"{_OPEN}\g<0>{_CLOSE}", text) if text else text
