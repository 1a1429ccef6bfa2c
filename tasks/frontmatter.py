"""Front matter: python-frontmatter with a handler that hostile YAML cannot hurt. Pure.

What comes out is plain: strings, numbers, booleans, null, lists and string-keyed maps,
so that the JSON kept of a file says exactly what its article was made from.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

MAX_DEPTH = 100  # levels; real files have 5, libyaml dies of some 25,000
MAX_ALIASES = 100  # uses of an anchor in one file; real files have none
MAX_MERGES = 8  # `<<` keys; each may double what follows it
MAX_VALUES = 200_000  # values of one file with aliases spelt out; real ones: 3,000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = re.compile(r"---[ \t]*(?:\n|\Z)")
_CLOSING = re.compile(r"^---[ \t]*$", re.MULTILINE)
_DOTS = re.compile(r"^\.\.\.[ \t]*$", re.MULTILINE)
_DEEP_BLOCK = re.compile(r"^ {100}|^[ ]*(?:[-?:][ \t]+){20}", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")


class FrontMatterError(Exception):
    """Front matter that cannot be taken: *reason* in words, *line* of the file."""

    def __init__(self, reason: str, line: int | None = None, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.detail = detail


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file's fields as plain values, and what stands below them."""

    fields: dict[str, Any]
    body: str


def read_front_matter(text: str) -> FrontMatter:
    """Split and read *text*, whose lines end with a line feed.

    Raises `FrontMatterError` with the reason and, where it is known, the line.
    """
    try:
        fields, body = frontmatter.parse(text, handler=GuardedHandler())
    except FrontMatterError:
        raise
    except yaml.YAMLError as error:
        raise _from_yaml(error) from None
    except RecursionError:
        msg = f"nests more than {MAX_DEPTH} levels deep"
        raise FrontMatterError(msg) from None
    except Exception as error:  # noqa: BLE001 - PyYAML lets through whatever it meets
        msg = "holds a value that YAML cannot build"
        raise FrontMatterError(msg, detail=_one_line(error)) from None
    return FrontMatter(fields, body)


def read_yaml(text: str) -> Any:
    """Read a whole YAML file under the same guard; raises `FrontMatterError`."""
    return read_front_matter(f"---\n{text.rstrip()}\n---\n").fields


def to_json(value: object) -> str:
    """Write plain values as one line of JSON, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class GuardedHandler(YAMLHandler):
    """YAML between `---` lines; whatever is not a map of fields is refused.

    python-frontmatter answers `{}` for a file whose front matter never ends, is a list,
    or stands under a title; here each is an error with its reason.
    """

    def split(self, text: str) -> tuple[str, str]:
        """Return the front matter and the body; raise `FrontMatterError`."""
        opening = _OPENING.match(text)
        if opening is None:
            reason = "has no front matter: its first line is not '---'"
            raise FrontMatterError(reason, 1, text[:60].partition("\n")[0])
        closing = _CLOSING.search(text, opening.end())
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
        if _is_suspicious(fm):
            _check_events(fm)
        fields = yaml.load(fm, Loader=_LOADER)  # noqa: S506 - a safe loader
        if fields is None:
            reason = "has empty front matter"
            raise FrontMatterError(reason, 1)
        if not isinstance(fields, dict):
            reason = f"has front matter that is {_kind(fields)}, not a map of fields"
            raise FrontMatterError(reason, 2)
        return dict(_Plain().map(fields))


def _is_suspicious(yaml_text: str) -> bool:
    """Tell whether the text could nest deeply or repeat itself; cheap, never wrong."""
    return (
        yaml_text.count("[") + yaml_text.count("{") > MAX_DEPTH
        or "&" in yaml_text
        or "<<" in yaml_text
        or _DEEP_BLOCK.search(yaml_text) is not None
    )


def _check_events(yaml_text: str) -> None:
    """Walk the events, which needs no recursion, and stop at the first excess."""
    depth = aliases = merges = 0
    for event in yaml.parse(yaml_text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                _refuse(event, f"nests more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if aliases > (MAX_ALIASES if not merges else 2 * MAX_MERGES):
                _refuse(event, "repeats an anchor too often")
        elif isinstance(event, yaml.ScalarEvent) and event.value == "<<":
            merges += 1
            if merges > MAX_MERGES:
                _refuse(event, f"has more than {MAX_MERGES} merge keys '<<'")


def _refuse(event: yaml.Event, reason: str) -> None:
    raise FrontMatterError(
        reason, (event.start_mark.line if event.start_mark else 0) + 2
    )


class _Plain:
    """Turns what YAML built into plain values, counting them as it goes."""

    def __init__(self) -> None:
        self._values = 0

    def map(self, value: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, item in value.items():
            name = _key(key)
            if name in seen:
                msg = f"has two keys that read {name!r}"
                raise FrontMatterError(msg)
            seen.add(name)
            yield name, self.value(item)

    def value(self, value: object) -> Any:  # noqa: PLR0911 - one line a type
        self._values += 1
        if self._values > MAX_VALUES:
            msg = f"holds more than {MAX_VALUES} values once anchors are spelt out"
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


def _key(key: object) -> str:
    if isinstance(key, str):
        return _SURROGATE.sub("\ufffd", key)
    return json.dumps(key, default=str)


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "plain text" if isinstance(value, str) else f"the value {value!r}"


def _from_yaml(error: yaml.YAMLError) -> FrontMatterError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or _one_line(error)
    line = mark.line + 2 if mark else None  # marks count from 0, below the '---' line
    return FrontMatterError("is not valid YAML", line, str(problem))


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split())[:200]
