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
from functools import cache, lru_cache
from typing import Any

MAX_INDENT = 40  # columns; deeper nesting is unusual, and PyYAML's to judge
MAX_LINES = 100_000  # real files have 3,000; PyYAML's guard counts what is more
# Distinct entries of lists that are remembered: a hub's newest articles share theirs.
REMEMBERED_ENTRIES = 16_384
MAX_REMEMBERED = 8_000  # characters of such an entry; real ones have 2,000
# Distinct fields that are: providers, titles and days repeat in entries that differ.
REMEMBERED_FIELDS = 16_384
MAX_FIELD = 1_000  # characters of such a field

# Where a loop could not end elsewhere it never goes back (`*+`): a value of megabytes
# would cost 100 bytes a character to remember where it might.

# Not a printable character of YAML 1.1, or one that breaks lines, or a tab.
_UNUSUAL = re.compile(
    "[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]"
)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", re.ASCII)
_KEYED = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}:(?: |\n|\Z)", re.ASCII)
# Before a line that begins a field: no entry of a list, and no comment.
_LEFT_MARGIN = re.compile(r"\n(?=[^ \-\n#])")
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

    Shared, so nobody may change it. *json* is its text as JSON, or empty if that was
    not made yet; *reading* is for whoever makes something of the map, to make it once.
    """

    __slots__ = ("json", "reading")

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.json = ""
        self.reading: object = None


Field = tuple[str, Any, str]  # key, value, and both as JSON
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
    if isinstance(value, Block) and value.json:
        return value.json
    if isinstance(value, dict):
        pairs = (f"{_dump(key)}:{to_json(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list) and value and isinstance(value[0], Block):
        return "[" + ",".join([to_json(item) for item in value]) + "]"
    return _dump(value)


# One encoder for all: json.dumps makes a new one each time.
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _fields(text: str, ask: Ask | None = None) -> Block:
    """Read the map at the left margin, section by section."""
    text = text.lstrip("\n")
    if not text or text[0] in " -":
        raise _UnprovenError
    sections = _LEFT_MARGIN.split(text)
    found = []
    for number, section in enumerate(sections):
        read = _short_section if len(section) <= MAX_FIELD else _section
        try:
            found.append(read(section))
        except _UnprovenError:
            if ask is None:
                raise
            end = "\n" if number < len(sections) - 1 else ""
            found.append(_asked_section(section + end, ask))
    return _joined(found)


def _joined(fields: Sequence[Field]) -> Block:
    """Make a map of *fields*; of a key that is there twice the last one counts."""
    block = Block({key: value for key, value, _ in fields})
    if len(block) == len(fields):
        block.json = "{" + ",".join([spelled for _, _, spelled in fields]) + "}"
    return block


def _section(text: str) -> Field:
    """Read a field at the left margin, with the empty lines behind it."""
    text = text.rstrip("\n")
    head, _, below = text.partition("\n")
    dash = _dash(below)
    if not below.startswith(dash):
        return _field(text, 0)
    key = _key_above(head)
    # The text is cut, not its lines: in long lists most of the time went into lines.
    entries = below[len(dash) :].split("\n" + dash)
    if len(max(entries, key=len)) <= MAX_REMEMBERED:
        value = [_entry(entry, len(dash) - 2) for entry in entries]
    else:
        value = [_remembered(_entry, entry, len(dash) - 2) for entry in entries]
    return key, value, f'"{key}":{to_json(value)}'


_short_section = lru_cache(maxsize=REMEMBERED_FIELDS)(_section)


def _dash(text: str) -> str:
    """Return what a list begins each entry with, if *text* is a list."""
    return " " * (len(text) - len(text.lstrip(" "))) + "- "


def _asked_section(text: str, ask: Ask) -> Field:
    """Read a field at the left margin, its last line end too, by asking."""
    key, _, rest = text.partition(":")
    if not _is_key(key):
        raise _UnprovenError
    head, _, below = rest.partition("\n")
    dash = _dash(below)
    if head.strip(" ") or not below.startswith(dash):
        value = _only(ask(text), key)
    else:
        entries = below[len(dash) :].split("\n" + dash)
        whole = [*(f"{entry}\n" for entry in entries[:-1]), entries[-1]]
        value = [_remembered(_either, entry, dash, ask) for entry in whole]
    return key, value, f'"{key}":{to_json(value)}'


@lru_cache(maxsize=REMEMBERED_ENTRIES)
def _either(text: str, dash: str, ask: Ask) -> Any:
    """Read an entry behind its dash, with its line end, or ask about it."""
    try:
        return _entry(text.rstrip("\n"), len(dash) - 2)
    except _UnprovenError:
        entries = _only(ask(f"entry:\n{dash}{text}"), "entry")
        if len(entries) != 1:  # another one, by a dash at the end of a line
            raise
        entry = entries[0]
        return Block(entry) if isinstance(entry, dict) else entry


def _only(fields: dict[str, Any], key: str) -> Any:
    if list(fields) != [key]:
        raise _UnprovenError
    return fields[key]


@lru_cache(maxsize=REMEMBERED_ENTRIES)
def _entry(text: str, indent: int) -> Any:
    """Read an entry of a list from behind its dash, which stands at *indent*."""
    if _KEYED.match(text):
        return _map(text, indent + 2)
    if "\n" in text or text[:1] in {" ", ""}:
        raise _UnprovenError
    return _scalar(_usual(text).rstrip(" "))


def _remembered(read: Any, text: str, *where: object) -> Any:
    if len(text) > MAX_REMEMBERED:
        return read.__wrapped__(text, *where)
    return read(text, *where)


def _map(text: str, indent: int) -> Block:
    """Read a map whose first key begins *text*, and whose others stand at *indent*."""
    if indent > MAX_INDENT:
        raise _UnprovenError
    return _joined([_field(field, indent) for field in _margin(indent).split(text)])


@cache
def _margin(indent: int) -> re.Pattern[str]:
    """Return what stands before each further key of a map at *indent*."""
    return re.compile(f"\n{' ' * indent}(?=[A-Za-z_])")


def _field(text: str, indent: int) -> Field:
    """Read a field whose key stands at *indent*."""
    is_short = len(text) <= MAX_FIELD
    if "\n" not in text:
        return _line(text) if is_short else _line.__wrapped__(text)
    return _deep(text, indent) if is_short else _deep.__wrapped__(text, indent)


@lru_cache(maxsize=REMEMBERED_FIELDS)
def _line(text: str) -> Field:
    """Read a field of one line."""
    key, colon, rest = _usual(text).partition(":")
    if not colon or not _is_key(key):
        raise _UnprovenError
    rest = rest.rstrip(" ")
    if not rest:
        return key, None, f'"{key}":null'
    if rest[0] != " ":
        raise _UnprovenError
    value = _scalar(rest.lstrip(" "))
    return key, value, f'"{key}":{_dump(value)}'


@lru_cache(maxsize=REMEMBERED_FIELDS)
def _deep(text: str, indent: int) -> Field:
    """Read a field whose value is a list or a map below it."""
    head, _, below = text.partition("\n")
    key = _key_above(head)
    below_indent = len(below) - len(below.lstrip(" "))
    if below.startswith("- ", below_indent) and below_indent >= indent:
        dash = below[: below_indent + 2]
        entries = below[len(dash) :].split("\n" + dash)
        value: Any = [_remembered(_entry, entry, below_indent) for entry in entries]
    elif below_indent > indent:
        value = _map(below[below_indent:], below_indent)
    else:
        raise _UnprovenError
    return key, value, f'"{key}":{to_json(value)}'


def _key_above(head: str) -> str:
    """Return the key of a field whose value stands below it."""
    key, colon, rest = head.partition(":")
    if not colon or not _is_key(key) or rest.strip(" "):
        raise _UnprovenError
    return key


@lru_cache(maxsize=1_024)
def _is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None and text.lower() not in _WORDS


def _usual(text: str) -> str:
    # What Python calls printable is a part of what YAML does, and quickly found out.
    if not text.isprintable() and _UNUSUAL.search(text):
        raise _UnprovenError
    return text


def _scalar(text: str) -> Any:
    """Read a one-line scalar that has no space around it."""
    if text[:1] == text[-1:] == '"' and text.count('"') == 2 and "\\" not in text:
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
    # `01Net` is a name, `1e3`, `0x1f` and `1:30` are numbers.
    if text[0].isdigit() and not _is_text_to_pyyaml(text):
        raise _UnprovenError
    return text


def _is_text_to_pyyaml(word: str) -> bool:
    from yaml.nodes import ScalarNode  # noqa: PLC0415 - few files have such a word
    from yaml.resolver import Resolver  # noqa: PLC0415

    tag = Resolver().resolve(ScalarNode, word, (True, False))  # type: ignore[no-untyped-call]
    return bool(tag == Resolver.DEFAULT_SCALAR_TAG)


_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (_INTEGER, int),
    (_MOMENT, _moment),
    (_DECIMAL, float),
    (_PLAIN, _word),
    (_ESCAPED, json.loads),
    (_SINGLE_QUOTED, _single_quoted),
)
