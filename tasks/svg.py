"""SVG drawings: kept only if nothing in them runs or asks for anything. Pure.

An SVG is a document: it may hold scripts, further documents and addresses (SVG 2, 2.2:
"referencing modes"). Nothing here is rendered; the XML is read once, and the first
thing that is not a still drawing on its own is the reason to refuse it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

SVG = "http://www.w3.org/2000/svg"
XHTML = "http://www.w3.org/1999/xhtml"
XML = "http://www.w3.org/XML/1998/namespace"
# Real drawings have thousands of elements; half a second of reading.
MAX_ELEMENTS = 100_000
MAX_DEPTH = 200  # elements within elements; readers call themselves for each
MAX_BYTES = 5_000_000  # the largest maps and diagrams
_RUNNING = frozenset(
    "script handler listener foreignobject iframe embed object audio video canvas"
    " link meta base".split()
)
_ANIMATIONS = frozenset({"set", "animate", "animatetransform", "animatemotion"})
_REFERENCES = frozenset({"href", "src", "data", "ping"})
_OWN = re.compile(
    r"\s*(?:#|data:image/(?:png|jpeg|gif|webp|avif)[;,]|\Z)", re.IGNORECASE
)
# Where the definitions of SVG itself lie, which nobody loads.
_DEFINITION = re.compile(r"https?://www\.w3\.org/", re.IGNORECASE)
_LINK = re.compile(r"\s*(?:https?|mailto):", re.IGNORECASE)
# What a style may ask for; one with an escape could spell the same in many ways.
_ASKING = re.compile(
    r"@import|expression\s*\(|javascript:|\\|(?<![\w-])(?:src|image(?:-set)?)\("
    r"|-webkit-image-set\("
    r"|url\s*\(\s*[\"']?\s*(?!#|data:(?:image/(?!svg)|font/|application/(?:x-)?font))",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"\s*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(px|pt|pc|mm|cm|in)?\s*", re.IGNORECASE
)
# CSS Values and Units 4, 6.2: an inch is 96 px.
_PIXELS = {"": 1, "px": 1, "pt": 96 / 72, "pc": 16, "mm": 96 / 25.4, "cm": 96 / 2.54}
_PIXELS["in"] = 96


class UnsafeSvgError(ValueError):
    """A drawing that is not kept; the message says why, to follow "is SVG "."""


class NotSvgError(ValueError):
    """No drawing at all: other XML, or none."""


@dataclass(slots=True)
class _Reader:
    """What was seen so far of a drawing."""

    depth: int = 0
    elements: int = 0
    size: tuple[int, int] | None = None
    styles: list[str] = field(default_factory=list)
    style_depth: int = 0  # of the style element that is open, 0 if none is

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self.elements:
            if (namespace, local) != (SVG, "svg"):
                raise NotSvgError
            self.size = _size(attributes)
        self.elements += 1
        self.depth += 1
        if self.elements > MAX_ELEMENTS or self.depth > MAX_DEPTH:
            msg = "of too many elements"
            raise UnsafeSvgError(msg)
        local = local.lower()
        if namespace == XHTML or local in _RUNNING:
            msg = f"with an element {local[:40]!r}, which may run or load something"
            raise UnsafeSvgError(msg)
        if local == "style" and not self.style_depth:
            self.style_depth = self.depth
        for key, value in attributes.items():
            _check_attribute(local, key.lower(), value)

    def end(self, _name: str) -> None:
        if self.depth == self.style_depth:
            _check_style("".join(self.styles))
            self.styles.clear()
            self.style_depth = 0
        self.depth -= 1

    def text(self, text: str) -> None:
        if self.style_depth:
            self.styles.append(text)

    def doctype(self, _name: str, address: str | None, *_: object) -> None:
        if address and not _DEFINITION.match(address):
            msg = f"that is defined by {address[:80]!r}"
            raise UnsafeSvgError(msg)

    def entity(self, *_: object) -> None:
        msg = "that defines entities"
        raise UnsafeSvgError(msg)

    def instruction(self, target: str, _: str) -> None:
        if target.lower() == "xml-stylesheet":
            msg = "that loads a style sheet"
            raise UnsafeSvgError(msg)


def svg_size(content: bytes) -> tuple[int, int] | None:
    """Return the size that a safe drawing asks for, in CSS pixels; None for any size.

    Raises `NotSvgError` for what is something else, `UnsafeSvgError` with the reason
    for a drawing that is damaged, runs something or refers to something outside.
    """
    if len(content) > MAX_BYTES:
        msg = f"of more than {MAX_BYTES // 1_000_000} MB"
        raise UnsafeSvgError(msg)
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.entity
    parser.ProcessingInstructionHandler = reader.instruction
    # A name that only an outside definition could explain.
    parser.SkippedEntityHandler = reader.entity
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat knows no names
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, NotSvgError | UnsafeSvgError):
            raise
        if not reader.elements:
            raise NotSvgError from None
        msg = f"that is not well-formed ({error})"
        raise UnsafeSvgError(msg) from None
    return reader.size


def _check_attribute(element: str, key: str, value: str) -> None:
    namespace, _, local = key.rpartition(" ")
    if local.startswith("on") and not namespace:
        msg = f"with an attribute {local[:40]!r}, which runs a script"
        raise UnsafeSvgError(msg)
    if local == "base" and namespace == XML.lower():
        msg = "that changes the base of its addresses"
        raise UnsafeSvgError(msg)
    if element in _ANIMATIONS and local == "attributename":
        changed = value.strip().lower().rpartition(":")[2]
        if changed in _REFERENCES or changed.startswith("on"):
            msg = f"that changes {changed[:40]!r} while it is shown"
            raise UnsafeSvgError(msg)
    if local in _REFERENCES:
        is_link = element == "a" and local == "href"
        may = _OWN.match(value) or (is_link and _LINK.match(value))
        if not may:
            msg = f"that refers to {value.strip()[:80]!r}"
            raise UnsafeSvgError(msg)
    elif "(" in value or ":" in value:
        _check_style(value)


def _check_style(text: str) -> None:
    if found := _ASKING.search(text):
        shown = text[found.start() :][:80]
        msg = f"with a style that may load something ({shown!r})"
        raise UnsafeSvgError(msg)


def _size(attributes: dict[str, str]) -> tuple[int, int] | None:
    """Return width and height: as asked for, else of the view box (SVG 2, 8.2)."""
    sides = [_length(attributes.get(name, "")) for name in ("width", "height")]
    box = re.split(r"[\s,]+", attributes.get("viewBox", "").strip())
    if None in sides and len(box) == 4:
        sides = [_length(box[2]), _length(box[3])]
    width, height = sides
    return None if width is None or height is None else (width, height)


def _length(text: str) -> int | None:
    found = _LENGTH.fullmatch(text)
    if found is None:
        return None
    pixels = float(found[1]) * _PIXELS[(found[2] or "").lower()]
    return max(1, round(pixels)) if pixels < 2**31 else None
