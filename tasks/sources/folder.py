"""Folders: which files they hold, and their bytes; regular files inside the root."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tasks.models import (
    FileKind,
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
    LINK,
    TWICE,
    Region,
    Selection,
    concerns,
    is_front_matter,
    printable,
    regions,
    takes,
    too_deep,
    too_large,
)

# A file changed this short a time ago could change again within one tick of its clock,
# unseen; git calls this the racy index.
TOO_FRESH_NS = 2_000_000_000


class FolderSource:
    """A folder as a source: found by walking, read file by file."""

    def __init__(
        self, source: Source, root: Path, selection: Selection, max_bytes: int
    ) -> None:
        self._source = source
        self._root = root
        self._selection = selection
        self._max_bytes = max_bytes

    def find(
        self, known: Mapping[str, KnownFile], since: str | None, *, full: bool
    ) -> Listing:
        """Find all files; a folder has no history that would tell what changed."""
        del known, since, full
        try:
            return list_folder(self._source, self._root, self._selection)
        except OSError as error:
            msg = f"cannot be opened: {error.strerror}"
            raise SourceError(msg) from None

    def read(self, files: Sequence[FoundFile]) -> Iterator[SourceFile | Rejection]:
        """Read files, in their order."""
        for found in files:
            yield read_file(self._source, self._root, found, max_bytes=self._max_bytes)

    def close(self) -> None:
        """Nothing is held open."""


def list_folder(source: Source, root: Path, selection: Selection) -> Listing:
    """Find the article and taxonomy files, in the order of their paths.

    A folder with `_news` is a hub: articles below it, taxonomy in `_data`. In any other
    folder each `.md` file is an article, and so is a `.txt` file with front matter.
    What is no regular file is a rejection. Raises `OSError` if the folder of the
    articles cannot be opened.
    """
    now_ns = time.time_ns()
    is_hub = (root / ARTICLES).is_dir()
    files: dict[str, FoundFile] = {}
    refused: dict[str, str] = {}
    for region in regions(selection, is_hub=is_hub):
        if region.kind == "taxonomy" and not (root / region.start).exists():
            continue
        for path, found in _walk(root, region, selection, now_ns):
            if isinstance(found, str):
                refused.setdefault(path, found)
            elif path in files and files[path].file_name != found.file_name:
                refused[path] = TWICE  # names of which one spells the other's bytes
            else:
                files.setdefault(path, found)
    rejections = [
        Rejection("read", path, reason, source_id=source.source_id)
        for path, reason in refused.items()
    ]
    taken = [files[path] for path in sorted(files) if path not in refused]
    return Listing(taken, rejections, unseen=tuple(refused))


def read_file(
    source: Source, root: Path, found: FoundFile, *, max_bytes: int
) -> SourceFile | Rejection:
    """Read one file, never through a link, never waiting for a pipe."""
    reason = detail = ""
    try:
        content = _read(root / found.file_name, max_bytes)
        if content is not None:
            return SourceFile(source.source_id, found.path, "", content)
        reason = too_large(max_bytes)
    except _NotRegularError as error:
        reason = str(error)
    except OSError as error:
        reason = "cannot be read"
        detail = error.strerror or str(error)
    return Rejection("read", found.path, reason, detail, source_id=source.source_id)


class _NotRegularError(Exception):
    """Something that is no regular file, in words."""


def _read(path: Path, max_bytes: int) -> bytes | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _NotRegularError(_kind(facts.st_mode))
        if facts.st_size > max_bytes:  # before reading: a sparse file costs nothing yet
            return None
        # Room for as much as it says: to take and give back megabytes for each file
        # would cost more than to read it. One that grows meanwhile is read to its end.
        content = os.read(descriptor, facts.st_size + 1)
        if len(content) != facts.st_size:
            os.lseek(descriptor, 0, os.SEEK_SET)
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    return content if len(content) <= max_bytes else None


def _walk(
    root: Path, region: Region, selection: Selection, now_ns: int
) -> Iterator[tuple[str, FoundFile | str]]:
    """Give each path with its file, or with what is wrong with it."""
    start = region.start
    if _is_behind_link(root, start):
        yield start, LINK
        return
    pending = [(start, 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            entries = _entries(root / folder)
        except OSError as error:
            if folder == start and region.kind == "article":
                raise  # or all of its articles would look as if they were gone
            yield printable(folder), f"cannot be opened: {error.strerror}"
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name.startswith("."):
                    continue
                if depth >= selection.max_depth:
                    yield printable(name), too_deep(selection.max_depth)
                else:
                    pending.append((name, depth + 1))
            elif _is_wanted(entry, name, region, selection):
                yield printable(name), _found(entry, name, region.kind, now_ns)


def _is_wanted(
    entry: os.DirEntry[str], name: str, region: Region, selection: Selection
) -> bool:
    if entry.is_symlink():
        return concerns(selection, region, name)
    answer = takes(selection, region, name)
    return answer == "yes" or (answer == "maybe" and _is_text_article(entry))


def _is_text_article(entry: os.DirEntry[str]) -> bool:
    """Tell whether a `.txt` file is an article: if it begins as front matter does."""
    if not entry.is_file(follow_symlinks=False):
        return False
    try:
        with Path(entry.path).open("rb") as file:
            return is_front_matter(file.read(6))
    except OSError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _is_behind_link(root: Path, start: str) -> bool:
    place = Path(start)
    return any((root / part).is_symlink() for part in (place, *place.parents[:-1]))


def _found(
    entry: os.DirEntry[str], name: str, kind: FileKind, now_ns: int
) -> FoundFile | str:
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(facts.st_mode):
        return _kind(facts.st_mode)
    fingerprint = _fingerprint(facts, now_ns)
    return FoundFile(printable(name), name, kind, facts.st_size, fingerprint)


def _fingerprint(facts: os.stat_result, now_ns: int) -> str | None:
    if now_ns - max(facts.st_mtime_ns, facts.st_ctime_ns) < TOO_FRESH_NS:
        return None
    numbers = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
    return "-".join(str(number) for number in numbers)


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISLNK, LINK),
        (stat.S_ISFIFO, "is a named pipe, not a file"),
        (stat.S_ISSOCK, "is a socket, not a file"),
        (stat.S_ISDIR, "is a folder, not a file"),
    )
    return next((words for test, words in kinds if test(mode)), "is a device")
