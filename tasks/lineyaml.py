"""Line-oriented YAML, read fast. Pure.

Hubs write front matter with one field a line, and repeat the same entries of `related`
in file after file. Such text is read here, each distinct block once. PyYAML stays the
judge: whatever is not proven to mean the same to it is left to it (`read_lines` answers
None), and tests hold both against each other.

What is read: maps and lists by indentation; one-line scalars that are quoted, numbers,
`true` or `false`, days and moments, or plain words. Where a field or an entry of a list
is anything else, PyYAML can be asked about that piece alone (`read_pieces`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

MAX_INDENT = 40  # columns; deeper nesting is unusual, and PyYAML's to judge
MAX_LINES = 100_000  # real files have 3,000; PyYAML's guard counts what is more
# Distinct blocks that are remembered: a hub's newest articles share their entries.
REMEMBERED_BLOCKS = 8_192
MAX_REMEMBERED = 8_000  # characters of such a block; real ones have 2,000

# Where a loop could not end elsewhere it never goes back (`*+`): a value of megabytes
# would cost 100 bytes a character to remember where it might.

# Not a printable character of YAML 1.1, or one that breaks lines, or a tab.
_UNUSUAL = re.compile(
    "[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]"
)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", re.ASCII)
_KEYED = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}:(?: |$)", re.ASCII)
# What most lines of a map are: a quoted text, a whole number, true or false.
_USUAL_FIELD = re.compile(
    r' *([A-Za-z_][A-Za-z0-9_-]{0,99}): +(?:"([^"\\]*)"|(-?(?:0|[1-9][0-9]{0,17}))'
    r"|(true|false)) *",
    re.ASCII,
)
# Before a line that begins a field: no entry of a list, and no comment.
_LEFT_MARGIN = re.compile(r"\n(?=[^ \-\n#])")
_DOUBLE_QUOTED = re.compile(r'"[^"\\]*"')
# Escapes that JSON shares; not those of surrogates, of which JSON makes pairs.
_ESCAPED = re.compile(
    r'"(?:[^"\\]|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})*+"', re.ASCII
)
_SINGLE_QUOTED = re.compile(r"'(?:[^']|'')*+'")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}", re.ASCII)
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_MOMENT = re.compile(
    rf"{_DAY}(?:[T ]{_TIME}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})?)?", re.ASCII
)
# A plain word begins with a letter, digit or slash, and holds neither `: ` nor ` #`.
_PLAIN = re.compile(r"(?:[^\W_]|/)(?:[^\s:#]|:(?=[^\s])|(?<=[^\s])#| (?=[^\s#]))*+")
# Words that YAML 1.1 takes for something else, in any of its spellings.
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


class Block(dict[str, Any]):
    """A map that was read once for all the places where its text stands.

    Shared, so nobody may change it. *json* is its text as JSON; *reading* is for
    whoever makes something of the map, to make it once.
    """

    __slots__ = ("_json", "reading")

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._json: str | None = None
        self.reading: object = None

    @property
    def json(self) -> str:
        """The map as one line of JSON."""
        if self._json is None:
            self._json = _dump(dict(self))
        return self._json


Ask = Callable[[str], dict[str, Any]]


class _UnprovenError(Exception):
    """Text that may mean something else to PyYAML."""


def read_lines(text: str) -> dict[str, Any] | None:
    """Return the fields of *text* as plain values, or None if PyYAML is to be asked."""
    if text.count("\n") > MAX_LINES:
        return None
    try:
        return _fields(text)
    except _UnprovenError:
        return None


def read_pieces(text: str, ask: Ask) -> dict[str, Any] | None:
    """Return the fields of *text*, or None if it cannot be told piece from piece.

    A piece is a field at the left margin, or an entry of the list that is its value.
    *ask* reads what is not proven, as YAML of a map, and may raise whatever it likes:
    then the pieces may have been cut within a value, and only the whole tells.

    If PyYAML reads each piece alone, it reads them in a row as the same: none leaves a
    quote, a bracket or an indentation open, and a piece keeps its columns, its line
    ends and what it stands in. Only an anchor could lead from one to another, and its
    alias is an error where it stands alone.
    """
    if text.count("\n") > MAX_LINES:
        return None
    try:
        return _fields(text, ask)
    except _UnprovenError:
        return None


def to_json(value: object) -> str:
    """Write plain values as one line of JSON, letters as they are."""
    if isinstance(value, Block):
        return value.json
    if isinstance(value, dict):
        pairs = (f"{_dump(key)}:{to_json(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list) and value and isinstance(value[0], Block):
        items = [v.json if isinstance(v, Block) else to_json(v) for v in value]
        return "[" + ",".join(items) + "]"
    return _dump(value)


# One encoder for all: json.dumps makes a new one each time.
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _fields(text: str, ask: Ask | None = None) -> dict[str, Any]:
    """Read the map at the left margin, section by section."""
    text = text.lstrip("\n")
    if not text or text[0] in " -":
        raise _UnprovenError
    starts = [0, *(found.end() for found in _LEFT_MARGIN.finditer(text))]
    ends = [*starts[1:], len(text) + 1]
    fields: dict[str, Any] = {}
    for start, end in zip(starts, ends, strict=True):
        key, colon, rest = text[start : end - 1].partition(":")
        if not colon or not _is_key(key):
            raise _UnprovenError
        try:
            fields[key] = _section(rest)
        except _UnprovenError:
            if ask is None:
                raise
            fields[key] = _asked_section(key, text[start + len(key) + 1 : end], ask)
    return fields


def _section(text: str) -> Any:
    """Read what follows a key at the left margin and its colon."""
    rest, _, below = text.partition("\n")
    below = below.rstrip("\n")
    if not rest.strip(" "):
        return _below(below) if below else None
    if below or rest[0] != " ":
        raise _UnprovenError
    return _scalar(_usual(rest.strip(" ")))


def _below(text: str) -> Any:
    """Read what stands below a key: a list, entry by entry, or a map.

    The text is cut, not its lines: in long lists most of the time went into lines.
    """
    dash = _dash(text)
    if not text.startswith(dash):
        return _remembered(_block, text, len(dash) - 2)
    entries = text[len(dash) :].split("\n" + dash)
    if len(max(entries, key=len)) <= MAX_REMEMBERED:
        return [_entry(entry, len(dash) - 2) for entry in entries]
    return [_remembered(_entry, entry, len(dash) - 2) for entry in entries]


def _dash(text: str) -> str:
    """Return what a list begins each entry with, if *text* is a list."""
    return " " * (len(text) - len(text.lstrip(" "))) + "- "


def _asked_section(key: str, text: str, ask: Ask) -> Any:
    """Read what follows *key* and its colon, its last line end too, by asking."""
    rest, _, below = text.partition("\n")
    dash = _dash(below)
    if rest.strip(" ") or not below.startswith(dash):
        return _only(ask(f"{key}:{text}"), key)
    entries = below[len(dash) :].split("\n" + dash)
    whole = [*(f"{entry}\n" for entry in entries[:-1]), entries[-1]]
    return [_remembered(_either, entry, dash, ask) for entry in whole]


@lru_cache(maxsize=REMEMBERED_BLOCKS)
def _either(text: str, dash: str, ask: Ask) -> Any:
    """Read an entry behind its dash, with its line end, or ask about it."""
    try:
        return _entry(text.rstrip("\n"), len(dash) - 2)
    except _UnprovenError:
        entries = _only(ask(f"entry:\n{dash}{text}"), "entry")
        if len(entries) != 1:  # another one, by a dash at the end of a line
            raise
        return _share(entries[0])


def _only(fields: dict[str, Any], key: str) -> Any:
    if list(fields) != [key]:
        raise _UnprovenError
    return fields[key]


@lru_cache(maxsize=REMEMBERED_BLOCKS)
def _block(text: str, indent: int) -> Any:
    return _share(_value(_usual(text).split("\n"), indent))


@lru_cache(maxsize=REMEMBERED_BLOCKS)
def _entry(text: str, indent: int) -> Any:
    """Read an entry of a list from behind its dash, which stands at *indent*."""
    return _share(_item(_usual(text).split("\n"), indent))


def _remembered(read: Any, text: str, *where: object) -> Any:
    if len(text) > MAX_REMEMBERED:
        return read.__wrapped__(text, *where)
    return read(text, *where)


def _share(value: object) -> object:
    return Block(value) if isinstance(value, dict) else value


def _value(lines: Sequence[str], indent: int) -> Any:
    """Read *lines*, the first of which begins at *indent*."""
    if indent > MAX_INDENT:
        raise _UnprovenError
    if lines[0].startswith(" " * indent + "- "):
        return _list(lines, indent)
    return _map(lines, indent)


def _list(lines: Sequence[str], indent: int) -> list[Any]:
    dash = " " * indent + "- "
    starts = [n for n, line in enumerate(lines) if line.startswith(dash)]
    ends = [*starts[1:], len(lines)]
    return [
        _item([lines[start][len(dash) :], *lines[start + 1 : end]], indent)
        for start, end in zip(starts, ends, strict=True)
    ]


def _item(lines: Sequence[str], indent: int) -> Any:
    """Read an entry of a list; its first line begins behind the dash at *indent*."""
    content = lines[0]
    if _KEYED.match(content):
        return _map([" " * (indent + 2) + content, *lines[1:]], indent + 2)
    if len(lines) > 1 or content[:1] in {" ", ""}:
        raise _UnprovenError
    return _scalar(content.rstrip(" "))


def _map(lines: Sequence[str], indent: int) -> dict[str, Any]:
    margin = " " * indent
    deeper, dash = margin + " ", margin + "- "
    fields: dict[str, Any] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        usual = _USUAL_FIELD.fullmatch(line)
        if usual is not None and usual.start(1) == indent and _is_key(usual[1]):
            following = number + 1
            if following == len(lines) or not lines[following].startswith(
                (deeper, dash)
            ):
                number = following
                if usual.lastindex == 2:
                    fields[usual[1]] = usual[2]
                elif usual.lastindex == 3:
                    fields[usual[1]] = int(usual[3])
                else:
                    fields[usual[1]] = usual[4] == "true"
                continue
        key, colon, rest = line[indent:].partition(":")
        if not line.startswith(margin) or not colon or not _is_key(key):
            raise _UnprovenError
        number += 1
        start = number
        while number < len(lines) and lines[number].startswith((deeper, dash)):
            number += 1
        below = lines[start:number]
        rest = rest.rstrip(" ")
        if not rest:
            fields[key] = _nested(below, indent)
        elif below or rest[0] != " ":
            raise _UnprovenError
        else:
            fields[key] = _scalar(rest.lstrip(" "))
    return fields


def _nested(lines: Sequence[str], indent: int) -> Any:
    if not lines:
        return None
    first = len(lines[0]) - len(lines[0].lstrip(" "))
    if first < indent or first == len(lines[0]):
        raise _UnprovenError
    return _value(lines, first)


@lru_cache(maxsize=1_024)
def _is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None and text.lower() not in _WORDS


def _usual(text: str) -> str:
    # What Python calls printable is a part of what YAML does, and quickly found out.
    if not text.replace("\n", "").isprintable() and _UNUSUAL.search(text):
        raise _UnprovenError
    return text


def _scalar(text: str) -> Any:
    """Read a one-line scalar that has no space around it."""
    if _DOUBLE_QUOTED.fullmatch(text):
        return text[1:-1]
    for pattern, read in _SCALARS:
        if pattern.fullmatch(text):
            return read(text)
    raise _UnprovenError


def _single_quoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _moment(text: str) -> str:
    read = datetime.fromisoformat if len(text) > 10 else date.fromisoformat
    try:
        return read(text).isoformat()
    except ValueError:  # a day that its month does not have, a zone too far off
        raise _UnprovenError from None


def _word(text: str) -> str | bool:
    if text in {"true", "false"}:
        return text == "true"
    if text.lower() in _WORDS:
        raise _UnprovenError
    if text[0].isdigit():  # `01Net` is a name, `1e3`, `0x1f` and `1:30` are numbers
        tag = _RESOLVER.resolve(  # type: ignore[no-untyped-call]
            ScalarNode, text, (True, False)
        )
        if tag != Resolver.DEFAULT_SCALAR_TAG:
            raise _UnprovenError
    return text


_RESOLVER = Resolver()
_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (_INTEGER, int),
    (_MOMENT, _moment),
    (_DECIMAL, float),
    (_PLAIN, _word),
    (_ESCAPED, json.loads),
    (_SINGLE_QUOTED, _single_quoted),
)
