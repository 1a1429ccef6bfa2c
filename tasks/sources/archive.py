"""The files of an archive: chosen by its list, read where they lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tasks.models import (
    FoundFile,
    KnownFile,
    Listing,
    Rejection,
    Source,
    SourceFile,
)
from tasks.sources.location import SourceError
from tasks.sources.selection import (
    ARTICLES,
    TAXONOMY,
    Entry,
    Selection,
    choose,
    is_front_matter,
    may_take,
    printable,
    too_large,
)
from tasks.sources.unpacking import (
    Archive,
    BrokenArchiveError,
    Limits,
    Member,
    open_archive,
)

_OUTSIDE = "has a name that leads out of the archive"
_HUB = {place.partition("/")[0] for place in (ARTICLES, *TAXONOMY)}


class ArchiveSource:
    """An archive as a source; it stays open from its listing to its last file."""

    def __init__(
        self,
        source: Source,
        path: Path,
        folder: str,
        selection: Selection,
        limits: Limits,
    ) -> None:
        self._source = source
        self._folder = folder
        self._selection = selection
        self._limits = limits
        self._archive = _open(path, limits, selection)

    def find(
        self, known: Mapping[str, KnownFile], since: str | None, *, full: bool
    ) -> Listing:
        """Find all files; sums of their bytes tell which changed."""
        del known, since, full
        entries, outside = _entries(self._archive.members)
        below = _below(entries, self._folder)
        chosen, rejections = choose(self._source, below, self._selection)
        files = [
            file for file, answer in chosen if answer == "yes" or self._is_article(file)
        ]
        if sum(file.size_bytes for file in files) > self._limits.max_bytes:
            limit = f"{self._limits.max_bytes:,} bytes, see read.max_archive_bytes"
            msg = f"unpacks to more than {limit}"
            raise SourceError(msg)
        for name in outside:
            rejections.append(self._rejection(printable(name), _OUTSIDE))
        return Listing(files, rejections)

    def read(self, files: Sequence[FoundFile]) -> Iterator[SourceFile | Rejection]:
        """Read files, in their order."""
        for file in files:
            yield self._read(file)

    def close(self) -> None:
        """Let go of the archive."""
        self._archive.close()

    def _read(self, file: FoundFile) -> SourceFile | Rejection:
        if file.size_bytes > self._limits.max_file_bytes:
            return self._rejection(file.path, too_large(self._limits.max_file_bytes))
        try:
            content = self._archive.content(int(file.file_name))
        except BrokenArchiveError as error:
            return self._rejection(file.path, str(error))
        return SourceFile(self._source.source_id, file.path, "", content)

    def _is_article(self, file: FoundFile) -> bool:
        found = self._read(file)
        return isinstance(found, Rejection) or is_front_matter(found.content[:6])

    def _rejection(self, path: str, reason: str) -> Rejection:
        return Rejection("read", path, reason, source_id=self._source.source_id)


def _open(path: Path, limits: Limits, selection: Selection) -> Archive:
    try:
        return open_archive(path, limits, lambda name: may_take(selection, name))
    except BrokenArchiveError as error:
        raise SourceError(str(error)) from None


def _entries(members: Sequence[Member]) -> tuple[list[Entry], list[str]]:
    """Return the members by plain names, and the names that are none."""
    entries = []
    outside = []
    for number, member in enumerate(members):
        parts = [part for part in member.name.split("/") if part != "."]
        if member.name.startswith("/") or ".." in parts:
            outside.append(member.name)
            continue
        name = "/".join(filter(None, parts))
        facts = (member.size_bytes, member.fingerprint, member.fault)
        entries.append(Entry(name, str(number), *facts))
    return entries, outside


def _below(entries: Sequence[Entry], folder: str) -> list[Entry]:
    """Return what lies in a folder, by names relative to it.

    An archive that holds one folder and nothing beside it, as forges make them, is read
    from within that folder, whose name often tells a revision.
    """
    if folder and (found := _within(entries, folder)):
        return found
    tops = {entry.name.partition("/")[0] for entry in entries}
    if len(tops) == 1 and not tops & _HUB:
        entries = _within(entries, tops.pop()) or entries
    found = _within(entries, folder) if folder else list(entries)
    if folder and not found:
        msg = f"has no folder {folder!r}"
        raise SourceError(msg)
    return found


def _within(entries: Sequence[Entry], folder: str) -> list[Entry]:
    start = f"{folder}/"
    return [
        Entry(
            entry.name.removeprefix(start),
            entry.file_name,
            entry.size_bytes,
            entry.fingerprint,
            entry.fault,
        )
        for entry in entries
        if entry.name.startswith(start)
    ]
