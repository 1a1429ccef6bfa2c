"""Which paths of a source are articles or taxonomy, and how a name is spelled. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

from tasks.models import FileKind, FoundFile, Rejection, Source
from tasks.values import dataclass

ARTICLES = "_news"  # a hub keeps its articles here …
TAXONOMY = ("_data/organizations", "_data/topics")  # … and what describes them here
LINK = "is a symbolic link; links are not followed"
TWICE = "is there more than once, so that none of them can be trusted"
_MARKDOWN = (".md", ".markdown")
# `maybe`: an article if it begins as front matter does.
Answer = Literal["yes", "maybe", "no"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be read of a source: globs of article files, and how deep they lie.

    Without *include*, articles are below `_news` of a hub, or each Markdown file of any
    other folder. *exclude* beats both.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_depth: int = 20


@dataclass(frozen=True, slots=True)
class Region:
    """A folder of a source (empty: all of it), and what files are there."""

    start: str
    kind: FileKind


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source that lists itself at once holds at *name*.

    *name* is as the source has it, odd bytes as surrogates; *fault* says why it is no
    file that can be read, in words. The rest is as in `FoundFile`.
    """

    name: str
    file_name: str
    size_bytes: int
    fingerprint: str
    fault: str = ""


def regions(selection: Selection, *, is_hub: bool) -> list[Region]:
    """Return where articles and taxonomy are; of two that hold a path the first counts.

    A hub has a folder `_news`.
    """
    if not is_hub:
        return [Region("", "article")]
    taxonomy = [Region(start, "taxonomy") for start in TAXONOMY]
    return [*taxonomy, Region("" if selection.include else ARTICLES, "article")]


def looked_for(include: Sequence[str]) -> str:
    """Say what is taken for an article, to those who expected some."""
    if include:
        globs = ", ".join(map(repr, include))
        return f"looked for files that match {globs}: see 'include' of this source"
    return (
        f"looked for Markdown files in '{ARTICLES}' of a hub, or anywhere in a source"
        " without one: see that it is the right place, or name them by 'include'"
    )


def takes(selection: Selection, region: Region, name: str) -> Answer:
    """Tell whether the file *name* of a region is to be read."""
    if any(_matches(glob, name) for glob in selection.exclude):
        return "no"
    lower = name.lower()
    if region.kind == "taxonomy":
        return "yes" if lower.endswith((*_MARKDOWN, ".yaml", ".yml")) else "no"
    if selection.include:
        return "yes" if any(_matches(g, name) for g in selection.include) else "no"
    if lower.endswith(_MARKDOWN):
        return "yes"
    return "maybe" if lower.endswith(".txt") else "no"


def may_take(selection: Selection, name: str) -> bool:
    """Tell whether a file could be read, wherever its region turns out to be."""
    suffixes = (*_MARKDOWN, ".txt", ".yaml", ".yml")
    return bool(selection.include) or name.lower().endswith(suffixes)


def concerns(selection: Selection, region: Region, name: str) -> bool:
    """Tell whether something that is no file is missed at *name* of a region.

    A link may stand for a file or for a folder of them, so its name tells little.
    """
    if any(_matches(glob, name) for glob in selection.exclude):
        return False
    if region.kind == "taxonomy" or not selection.include:
        return True
    return any(_matches(glob, name) for glob in selection.include)


def is_front_matter(beginning: bytes) -> bool:
    """Tell from its first bytes whether a text file is an article."""
    return beginning.removeprefix(b"\xef\xbb\xbf").startswith(b"---")


def choose(
    source: Source, entries: Iterable[Entry], selection: Selection
) -> tuple[list[tuple[FoundFile, Answer]], list[Rejection]]:
    """Choose from all that a source holds, in the order of their paths.

    Of a file for which the answer is `maybe` the first bytes decide.
    """
    listed = list(entries)
    is_hub = any(
        entry.name.startswith(f"{ARTICLES}/")
        or (entry.name == ARTICLES and entry.fault)
        for entry in listed
    )
    places = regions(selection, is_hub=is_hub)
    chosen = [
        found for entry in listed for found in _consider(entry, selection, places)
    ]
    by_path: dict[str, tuple[FoundFile | str, Answer]] = {}
    for path, found, answer in chosen:
        is_again = path in by_path and not path.endswith("/")
        by_path[path] = (TWICE if is_again else found, answer)
    files = []
    rejections = []
    for path, (found, answer) in sorted(by_path.items()):
        if isinstance(found, FoundFile):
            files.append((found, answer))
        else:
            subject = path.removesuffix("/")
            rejections.append(
                Rejection("read", subject, found, source_id=source.source_id)
            )
    return files, rejections


def article_at(name: str, selection: Selection, *, is_hub: bool) -> Answer:
    """Tell whether a file at *name* is an article, whether or not there is one now."""
    places = regions(selection, is_hub=is_hub)
    for _, found, answer in _consider(Entry(name, "", 0, ""), selection, places):
        if isinstance(found, FoundFile) and found.kind == "article":
            return answer
    return "no"


def printable(name: str) -> str:
    """Spell a name that is not UTF-8 with hexadecimal escapes for its bytes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def too_deep(max_depth: int) -> str:
    """Say of a folder that nothing below it is looked at."""
    return f"lies more than {max_depth} folders deep"


def too_large(max_bytes: int) -> str:
    """Say of a file that it is not read."""
    return f"is larger than {max_bytes:,} bytes, see read.max_file_bytes"


def _consider(
    entry: Entry, selection: Selection, places: list[Region]
) -> Iterator[tuple[str, FoundFile | str, Answer]]:
    """Give path and file, or what is wrong with it; a folder's path ends in a slash."""
    path = printable(entry.name)
    for region in places:
        start = region.start
        if entry.fault and start.startswith(f"{entry.name}/"):
            yield path, entry.fault, "yes"  # a link in place of a folder of the hub
            return
        if start and entry.name != start and not entry.name.startswith(f"{start}/"):
            continue
        below = entry.name.removeprefix(start).lstrip("/")
        folders = below.split("/")[:-1]
        if any(folder.startswith(".") for folder in folders):
            return
        if len(folders) > selection.max_depth:
            deep = [start, *folders[: selection.max_depth + 1]]
            where = printable("/".join(filter(None, deep)))
            yield f"{where}/", too_deep(selection.max_depth), "yes"
        elif entry.fault:
            if concerns(selection, region, entry.name):
                yield path, entry.fault, "yes"
        elif (answer := takes(selection, region, entry.name)) != "no":
            facts = (entry.size_bytes, entry.fingerprint)
            yield path, FoundFile(path, entry.file_name, region.kind, *facts), answer
        return


def _matches(glob: str, name: str) -> bool:
    return _expression(glob).fullmatch(name) is not None


@lru_cache(maxsize=100)
def _expression(glob: str) -> re.Pattern[str]:
    """Translate a glob: `*` and `?` stay within a folder, `**` crosses them."""
    pattern = ""
    position = 0
    for found in re.finditer(r"(?:^|(?<=/))\*\*/|\*\*|\*|\?|\[[^]/]+\]", glob):
        pattern += re.escape(glob[position : found.start()]) + _piece(found[0])
        position = found.end()
    try:
        return re.compile(pattern + re.escape(glob[position:]), re.DOTALL)
    except re.error:  # such as a range that runs backwards: it stands for itself
        return re.compile(re.escape(glob), re.DOTALL)


def _piece(piece: str) -> str:
    if piece.startswith("["):
        inside = re.sub(r"([\\^\[])", r"\\\1", piece[1:-1])
        return f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}[piece]
