"""Front matter: what stands between two lines of dashes, as plain values. Pure.

What comes out is plain: strings, numbers, booleans, null, lists and string-keyed maps,
so that the JSON kept of a file says exactly what its article was made from.
"""

from __future__ import annotations

import re
from typing import Any

from tasks.lineyaml import read_lines
from tasks.values import dataclass

_OPENING = re.compile(r"---[ \t]*(?:\n|\Z)")
_CLOSING = re.compile(r"^---[ \t]*$", re.MULTILINE)
_DOTS = re.compile(r"^\.\.\.[ \t]*$", re.MULTILINE)


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
    *only_usual* also `UnusualError`, before PyYAML sees what is unusual.
    """
    stripped = text.strip()
    try:
        yaml_text, body = split_front_matter(stripped)
        fields = read_lines(yaml_text)
        if fields is not None:
            return FrontMatter(fields, body.strip(), is_line_oriented=True)
        from tasks.guardedyaml import parse_front_matter  # noqa: PLC0415 - hardly ever

        return FrontMatter(*parse_front_matter(stripped, only_usual=only_usual))
    except FrontMatterError as error:
        above = text[: len(text) - len(text.lstrip())]
        raise error.lower(above.count("\n")) from None


def split_front_matter(text: str) -> tuple[str, str]:
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
        raise FrontMatterError(reason, line, "'...' does not close it" if hint else "")
    return text[opening.end() : closing.start()], text[closing.end() :]


def _closing(text: str, start: int) -> re.Match[str] | None:
    """Find the line that closes front matter: by its dashes, which are rare."""
    found = text.find("---", start)
    while found >= 0:
        if text[found - 1] == "\n" and (closing := _CLOSING.match(text, found)):
            return closing
        found = text.find("---", found + 1)
    return None
