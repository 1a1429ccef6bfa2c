"""Front matter: python-frontmatter with a handler that hostile YAML cannot hurt. Pure.

What comes out is plain: strings, numbers, booleans, null, lists and string-keyed maps,
so that the JSON kept of a file says exactly what its article was made from.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from tasks.lineyaml import read_lines, read_pieces, to_json

MAX_DEPTH = 100  # levels; real files have 5, libyaml dies of some 25,000
MAX_ALIASES = 100  # uses of an anchor in one file; real files have none
MAX_MERGES = 8  # `<<` keys; each may double what follows it
MAX_VALUES = 200_000  # values of one file with aliases spelt out; real ones: 3,000
MAX_DIGITS = 1_000  # of one number; YAML's `1:59:59:…` costs their square
# What is usual is read in this process; PyYAML takes 0.3 s for as much of the worst.
MAX_USUAL_CHARACTERS = 250_000  # of front matter; real ones reach 143,000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = re.compile(r"---[ \t]*(?:\n|\Z)")
_CLOSING = re.compile(r"^---[ \t]*$", re.MULTILINE)
_DOTS = re.compile(r"^\.\.\.[ \t]*$", re.MULTILINE)
_DEEP_BLOCK = re.compile(r"^ {100}|^[ ]*(?:[-?:][ \t]+){20}", re.MULTILINE)
_LONG_NUMBER = re.compile(rf"(?<![0-9A-Fa-f_:])[0-9A-Fa-f_:]{{{MAX_DIGITS}}}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9A-Fa-f_]+|[0-9][0-9_:]*)", re.ASCII)
_TAG = re.compile(r"(?:\A|[\s\ufeff\[{,:?])![\w!<-]")  # `!!int "1 :1 :1 …"`
# An anchor, an alias or a tag, where a value may begin.
_MARK = re.compile(r"(?:\A|[\s\ufeff\[{,:?])[&*!][^\s,\[\]{}]")
_TAG_OF_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_TAG_OF_MERGES = "tag:yaml.org,2002:merge"
_SURROGATE = re.compile("[\ud800-\udfff]")


class FrontMatterError(Exception):
    """Front matter that cannot be taken: *reason* in words, *line* of the file."""

    def __init__(self, reason: str, line: int | None = None, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.detail = detail

    def lower(self, lines: int) -> FrontMatterError:
        """Return the same error of a text that begins so many lines further down."""
        line = None if self.line is None else self.line + lines
        return FrontMatterError(self.reason, line, self.detail)


class UnusualError(Exception):
    """YAML with which nothing need be wrong, but that is better read in a child."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file's fields as plain values, and what stands below them.

    *is_line_oriented* tells that `lineyaml` could read it, without PyYAML.
    """

    fields: dict[str, Any]
    body: str
    is_line_oriented: bool = False


def read_front_matter(text: str, *, only_usual: bool = False) -> FrontMatter:
    """Split and read *text*, whose lines end with a line feed.

    Raises `FrontMatterError` with the reason and, where it is known, the line; with
    *only_usual* also `UnusualError`, before PyYAML sees what `is_unusual`.
    """
    handler = GuardedHandler(only_usual=only_usual)
    try:
        fields, body = frontmatter.parse(text, handler=handler)
    except FrontMatterError as error:
        # python-frontmatter drops the white space before the first line.
        above = text[: len(text) - len(text.lstrip())]
        raise error.lower(above.count("\n")) from None
    return FrontMatter(fields, body, handler.is_line_oriented)


def read_yaml(text: str, *, only_usual: bool = False) -> dict[str, Any]:
    """Read a whole YAML file under the same guard, with the same errors."""
    if only_usual and is_unusual(text):
        raise UnusualError
    try:
        if _is_suspicious(text):
            _check_events(text)
        fields = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
        return _map_of_fields(fields)
    except FrontMatterError:
        raise
    except yaml.YAMLError as error:
        raise _from_yaml(error, text) from None
    except RecursionError:
        msg = f"nests more than {MAX_DEPTH} levels deep"
        raise FrontMatterError(msg) from None
    except MemoryError:
        raise  # no fault of the file: whoever set the limit says so
    except Exception as error:  # noqa: BLE001 - PyYAML lets through whatever it meets
        msg = "holds a value that YAML cannot build"
        line = _line_of_the_unbuilt(text)
        raise FrontMatterError(msg, line, _one_line(error)) from None


def is_unusual(yaml_text: str) -> bool:
    """Tell whether YAML has anything that hubs do not write, harmless as it may be.

    That is: an anchor, an alias, a tag or a merge key; more text than any hub's; more
    than a hundred flow lists and maps; whatever else could exceed a limit of this room,
    such as deep nesting, long numbers, or a great many values.
    """
    return (
        len(yaml_text) > MAX_USUAL_CHARACTERS
        or _MARK.search(yaml_text) is not None
        or _is_suspicious(yaml_text)
    )


class GuardedHandler(YAMLHandler):
    """YAML between `---` lines; whatever is not a map of fields is refused.

    python-frontmatter answers `{}` for a file whose front matter never ends, is a list,
    or stands under a title; here each is an error with its reason.
    """

    def __init__(self, *, only_usual: bool = False) -> None:
        super().__init__()
        self._only_usual = only_usual
        self.is_line_oriented = False

    def split(self, text: str) -> tuple[str, str]:
        """Return the front matter and the body; raise `FrontMatterError`."""
        opening = _OPENING.match(text)
        if opening is None:
            reason = "has no front matter: its first line is not '---'"
            raise FrontMatterError(reason, 1, text[:60].partition("\n")[0])
        closing = _closing(text, opening.end())
        if closing is None:
            hint = _DOTS.search(text)
            line = text.count("\n", 0, hint.start()) + 1 if hint else None
            reason = "has front matter that no line '---' closes"
            raise FrontMatterError(
                reason, line, "'...' does not close it" if hint else ""
            )
        return text[opening.end() : closing.start()], text[closing.end() :]

    def load(self, fm: str, **_: object) -> dict[str, Any]:
        """Return the fields as plain values; raise `FrontMatterError`."""
        fields = read_lines(fm)
        if fields is not None:
            self.is_line_oriented = True
            return fields
        fields = _by_pieces(fm)
        if fields is not None:
            return fields
        try:
            return read_yaml(fm, only_usual=self._only_usual)
        except FrontMatterError as error:
            raise error.lower(1) from None  # the line '---'


def _by_pieces(yaml_text: str) -> dict[str, Any] | None:
    """Ask PyYAML about what it must be asked, or answer None: ask about all."""
    if len(yaml_text) > MAX_USUAL_CHARACTERS or _separators(yaml_text) > MAX_VALUES:
        return None
    try:
        return read_pieces(yaml_text, _usual_piece)
    except (FrontMatterError, UnusualError):
        return None


def _usual_piece(yaml_text: str) -> dict[str, Any]:
    return read_yaml(yaml_text, only_usual=True)


def _closing(text: str, start: int) -> re.Match[str] | None:
    """Find the line that closes front matter: by its dashes, which are rare."""
    found = text.find("---", start)
    while found >= 0:
        if text[found - 1] == "\n" and (closing := _CLOSING.match(text, found)):
            return closing
        found = text.find("---", found + 1)
    return None


def _map_of_fields(fields: object) -> dict[str, Any]:
    if fields is None:
        reason = "has empty front matter"
        raise FrontMatterError(reason, 1)
    if not isinstance(fields, dict):
        reason = f"has front matter that is {_kind(fields)}, not a map of fields"
        raise FrontMatterError(reason, 1)
    return dict(_Plain().map(fields))


def _is_suspicious(yaml_text: str) -> bool:
    """Tell whether the text could exceed a limit; cheap, and never wrongly no."""
    count = yaml_text.count
    return (
        count("[") + count("{") > MAX_DEPTH
        or ("&" in yaml_text and "*" in yaml_text)
        or "<<" in yaml_text
        or _separators(yaml_text) > MAX_VALUES
        or _DEEP_BLOCK.search(yaml_text) is not None
        or _LONG_NUMBER.search(yaml_text) is not None
        or _TAG.search(yaml_text) is not None
    )


def _separators(yaml_text: str) -> int:
    """Count what may stand between two values, which is at least all that does."""
    return sum(map(yaml_text.count, (",", ":", "\n", "- ", "? ")))


def _check_events(yaml_text: str) -> None:
    """Walk the events, which needs no recursion, and stop at the first excess."""
    used = _Used()
    for event in yaml.parse(yaml_text, Loader=_LOADER):
        reason = used.excess_with(event)
        if reason:
            line = _line(yaml_text, event.start_mark)
            raise FrontMatterError(reason, line)


class _Used:
    """What the events of a file have used up of the limits."""

    def __init__(self) -> None:
        self._depth = self._values = self._aliases = self._merges = 0

    def excess_with(self, event: yaml.Event) -> str | None:
        """Count *event*; answer which limit it exceeds, in words."""
        match event:
            case yaml.CollectionStartEvent():
                self._values += 1
                self._depth += 1
                if self._depth > MAX_DEPTH:
                    return f"nests more than {MAX_DEPTH} levels deep"
            case yaml.CollectionEndEvent():
                self._depth -= 1
            case yaml.AliasEvent():
                self._aliases += 1
                if self._aliases > (2 * MAX_MERGES if self._merges else MAX_ALIASES):
                    return "repeats an anchor too often"
            case yaml.ScalarEvent():
                self._values += 1
                self._merges += event.value == "<<" or event.tag == _TAG_OF_MERGES
                if self._merges > MAX_MERGES:
                    return f"has more than {MAX_MERGES} merge keys '<<'"
                if _is_long_number(event):
                    return f"holds a number of more than {MAX_DIGITS:,} digits"
        too_many = self._values > MAX_VALUES
        return f"holds more than {MAX_VALUES:,} values" if too_many else None


def _is_long_number(event: yaml.ScalarEvent) -> bool:
    if len(event.value) <= MAX_DIGITS:
        return False
    if event.tag:
        return event.tag in _TAG_OF_NUMBERS
    return event.implicit[0] and bool(_NUMBER.fullmatch(event.value))


def _line(yaml_text: str, mark: Any) -> int | None:
    """Count lines as an editor does; to YAML, U+2028 begins one too."""
    return yaml_text.count("\n", 0, mark.index) + 1 if mark else None


def _line_of_the_unbuilt(yaml_text: str) -> int | None:
    """Find the first scalar that PyYAML reads and cannot build, such as 2020-02-30."""
    try:
        loader = _LOADER(yaml_text)
    except UnicodeEncodeError:  # half a surrogate pair, which libyaml never sees
        return None
    nodes: list[Any] = [loader.get_single_node()]
    seen: set[int] = set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            nodes += [each for pair in reversed(node.value) for each in reversed(pair)]
        elif isinstance(node, yaml.SequenceNode):
            nodes += reversed(node.value)
        else:
            try:
                loader.construct_object(node)
            except Exception:  # noqa: BLE001 - whatever it was, it was this one
                return _line(yaml_text, node.start_mark)
    return None


class _Plain:
    """Turns what YAML built into plain values, counting them as it goes."""

    def __init__(self) -> None:
        self._values = 0

    def map(self, value: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, item in value.items():
            name = self._key(key)
            if name in seen:
                msg = f"has two keys that read {name!r}"
                raise FrontMatterError(msg)
            seen.add(name)
            yield name, self.value(item)

    def value(self, value: object) -> Any:  # noqa: PLR0911 - one line a type
        self._values += 1
        if self._values > MAX_VALUES:
            msg = f"holds more than {MAX_VALUES:,} values once anchors are spelt out"
            raise FrontMatterError(msg)
        match value:
            case str():
                return _SURROGATE.sub("\ufffd", value)
            case None | bool() | int():
                return value
            case float():
                return value if value - value == 0 else str(value)
            case dt.datetime() | dt.date():
                return value.isoformat()
            case dict():
                return dict(self.map(value))
            case bytes():
                return base64.b64encode(value).decode("ascii")
            case set() | frozenset():
                return sorted((self.value(item) for item in value), key=str)
            case _:
                return [self.value(item) for item in value]  # type: ignore[attr-defined]

    def _key(self, key: object) -> str:
        name = self.value(key)
        return name if isinstance(name, str) else to_json(name)


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "plain text" if isinstance(value, str) else f"the value {value!r}"


def _from_yaml(error: yaml.YAMLError, yaml_text: str) -> FrontMatterError:
    if isinstance(error, yaml.reader.ReaderError):
        above = yaml_text.encode()[: error.position]
        line: int | None = above.count(b"\n") + 1
        problem = f"the character U+{error.character:04X} is not allowed"
    else:
        line = _line(yaml_text, getattr(error, "problem_mark", None))
        problem = getattr(error, "problem", None) or _one_line(error)
    return FrontMatterError("is not valid YAML", line, problem)


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split())[:200]
