"""Unusual files, read in child processes that may hang or die of them.

What is unusual is said in `tasks.guardedyaml.is_unusual`; real hubs hardly have any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from tasks.articles import NEEDS_MEMORY, Parsed, parse_article, parse_taxonomy
from tasks.models import FileKind, Rejection, SourceFile
from tasks.settings import ReadSettings

if TYPE_CHECKING:
    from tasks.sandbox import Failure

Unusual = tuple[FileKind, SourceFile]


def parse_unusual(files: Iterable[Unusual], limits: ReadSettings) -> Iterator[Parsed]:
    """Yield what each of *files* is, in their order; one that fails is a rejection.

    *files* is read only a little ahead, and no child is started where there is none.
    """
    waiting: list[Unusual] = []
    rest = iter(files)
    first = next(rest, None)
    if first is None:
        return
    from tasks.sandbox import Failure, run_sandboxed  # noqa: PLC0415 - hardly ever

    def handed_on() -> Iterator[Unusual]:
        for file in chain([first], rest):
            waiting.append(file)
            yield file

    outcomes = run_sandboxed(
        parse_whole,
        handed_on(),
        seconds=limits.seconds,
        memory_bytes=limits.memory_bytes,
        workers=limits.workers,
    )
    for outcome in outcomes:
        kind, source = waiting.pop(0)
        if isinstance(outcome, Failure):
            yield _rejection(outcome, kind, source)
        else:
            yield outcome


def parse_whole(file: Unusual) -> Parsed:
    """Read a file, whatever is in it; what a child does.

    Raises `MemoryError`, so that it is the child's limit which is named.
    """
    kind, source = file
    found = parse_taxonomy(source) if kind == "taxonomy" else parse_article(source)
    if isinstance(found, Rejection) and found.reason == NEEDS_MEMORY:
        raise MemoryError
    return found


def _rejection(failure: Failure, kind: FileKind, source: SourceFile) -> Rejection:
    stage = "taxonomy" if kind == "taxonomy" else "parse"
    reason, detail = f"{failure.reason} to read", failure.detail
    if failure.reason.startswith("took"):
        detail = "if it is a real article: raise read.seconds and run with --full"
    elif failure.reason.startswith("needed"):
        detail = "if it is a real article: raise read.memory_bytes and run with --full"
    else:
        reason = f"could not be read: {failure.reason}"
    return Rejection(stage, source.path, reason, detail, None, source.source_id)
