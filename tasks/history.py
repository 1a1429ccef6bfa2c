"""What a reader could see of each version of an article file. Pure.

Most versions of a file differ from another in `heat` or `secured` alone. Such a version
is not parsed again: with the values of these two lines cut out, its bytes are those of
a version that was. Tests hold every answer against `parse_article`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from tasks.articles import HEAT, SECURED, Parsed, parse_usual
from tasks.models import Article, Rejection, SourceFile, Visible

MAX_REMEMBERED = 65_536  # texts, some 300 bytes each: 20 MB

_OPENING = b"---\n"
_CLOSING = b"\n---"
_HEAT_NAME = b"\n%b:" % HEAT.encode()
_SECURED_NAME = b"\n%b:" % SECURED.encode()
# Spellings that `lineyaml` takes and no article is rejected for: 9 digits are 32 bits.
_HEAT_LINE = re.compile(_HEAT_NAME + rb" (-?(?:0|[1-9][0-9]{0,8}))(?=\n)")
_SECURED_LINE = re.compile(_SECURED_NAME + rb' ("[A-Za-z0-9+/=;]*")(?=\n)')
_NOBODY = UUID(int=0)
Cut = tuple[bytes, int | None]  # digest of the rest, and `heat`


def visible(article: Article) -> Visible:
    """Return what a reader sees of an article."""
    return Visible(article.title, article.heat, article.quality, article.is_published)


class VersionReader:
    """Reads versions, each distinct text once."""

    def __init__(self) -> None:
        self._known: dict[bytes, Visible] = {}

    def read(self, content: bytes) -> Visible | Rejection | None:
        """Return what `parse_article` would let a reader see, or why it is rejected.

        None for a version that is unusual: it must be read by a child process.
        """
        cut = _cut(content)
        known = self._known.get(cut[0]) if cut else None
        if cut and known:
            return known if cut[1] is None else replace(known, heat=cut[1])
        found = parse_usual(SourceFile(_NOBODY, "", "", content), "article")
        return None if found is None else self._learn(content, found, cut)

    def learn(self, content: bytes, found: Parsed) -> Visible | Rejection | None:
        """Remember what somebody else made of *content*; return what a reader sees.

        None if it is no article.
        """
        return self._learn(content, found, _cut(content))

    def _learn(
        self, content: bytes, found: Parsed, cut: Cut | None
    ) -> Visible | Rejection | None:
        if not isinstance(found, Article):
            return found if isinstance(found, Rejection) else None
        seen = visible(found)
        if cut and found.is_line_oriented and _is_plain(content):
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[cut[0]] = seen
        return seen


def generations(parents: Iterable[tuple[str, tuple[str, ...]]]) -> Mapping[str, int]:
    """Return the longest way to each commit from one without parents, in commits.

    *parents* names each commit with its parents, parents first. What is computed hangs
    on the commit alone, and no commit comes before one that it follows from.
    """
    found: dict[str, int] = {}
    for commit, before in parents:
        found[commit] = 1 + max((found.get(parent, 0) for parent in before), default=0)
    return found


def _is_plain(content: bytes) -> bool:
    """Tell whether UTF-8 is the one way to decode it, and a line ends in one way."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in content and b"\r" not in content


def _cut(content: bytes) -> Cut | None:
    """Cut the values of `heat` and `secured` out; return the rest's digest, and heat.

    None where it is not certain that these lines are fields of the front matter.
    """
    end = content.find(_CLOSING, len(_OPENING) - 1)
    if (
        not content.startswith(_OPENING)
        or end < 0
        or content[end + 4 : end + 5] not in {b"\n", b""}
        or content.count(_HEAT_NAME, 0, end) > 1
        or content.count(_SECURED_NAME, 0, end) > 1
    ):
        return None
    heat = _HEAT_LINE.search(content, 0, end + 1)
    secured = _SECURED_LINE.search(content, 0, end + 1)
    # Which lines were cut is part of the digest: an empty value is no cut one.
    digest = hashlib.sha256(b"%d%d" % (heat is not None, secured is not None))
    start = 0
    for line in sorted(filter(None, (heat, secured)), key=lambda found: found.start()):
        digest.update(content[start : line.start(1)])
        start = line.end(1)
    digest.update(content[start:])
    return digest.digest(), int(heat[1]) if heat else None
