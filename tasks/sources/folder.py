"""Folders: which files they hold, and their bytes; regular files inside the root."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from tasks.models import FileKind, FoundFile, Rejection, Source, SourceFile

ARTICLES = "_news"  # a hub keeps its articles here …
TAXONOMY = ("_data/organizations", "_data/topics")  # … and what describes them here
# A file changed this short a time ago could change again within one tick of its clock,
# unseen; git calls this the racy index.
TOO_FRESH_NS = 2_000_000_000


def list_folder(
    source: Source, *, max_depth: int
) -> tuple[list[FoundFile], list[Rejection]]:
    """Find the article and taxonomy files, in the order of their paths.

    A folder with `_news` is a hub: articles below it, taxonomy in `_data`. In any other
    folder each `.md` file is an article, and so is a `.txt` file with front matter.
    What is no regular file is a rejection. Raises `OSError` if the folder of the
    articles cannot be opened.
    """
    root = Path(source.location)
    now_ns = time.time_ns()
    starts: list[tuple[str, FileKind]] = [("", "article")]
    if (root / ARTICLES).is_dir():
        starts = [(ARTICLES, "article"), *((place, "taxonomy") for place in TAXONOMY)]
    files: list[FoundFile] = []
    rejections: list[Rejection] = []
    for start, kind in starts:
        if kind == "taxonomy" and not (root / start).exists():
            continue
        for entry in _walk(root, start, kind, max_depth, now_ns):
            if isinstance(entry, FoundFile):
                files.append(entry)
            else:
                path, reason = entry
                rejections.append(
                    Rejection("read", path, reason, source_id=source.source_id)
                )
    files.sort(key=lambda file: file.path)
    return files, rejections


def read_file(
    source: Source, found: FoundFile, *, max_bytes: int
) -> SourceFile | Rejection:
    """Read one file, never through a link, never waiting for a pipe."""
    reason = detail = ""
    try:
        content = _read(Path(source.location) / found.file_name, max_bytes)
        if content is not None:
            return SourceFile(source.source_id, found.path, "", content)
        reason = f"is larger than {max_bytes:,} bytes, see read.max_file_bytes"
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
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    return content if len(content) <= max_bytes else None


def _walk(
    root: Path, start: str, kind: FileKind, max_depth: int, now_ns: int
) -> Iterator[FoundFile | tuple[str, str]]:
    if _is_behind_link(root, start):
        yield start, _kind(stat.S_IFLNK)
        return
    markdown = (".md", ".markdown")
    suffixes = markdown if kind == "article" else (*markdown, ".yaml", ".yml")
    pending = [(start, 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            entries = _entries(root / folder)
        except OSError as error:
            if folder == start and kind == "article":
                raise  # or all of its articles would look as if they were gone
            yield _printable(folder), f"cannot be opened: {error.strerror}"
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name.startswith("."):
                    continue
                if depth >= max_depth:
                    yield _printable(name), f"lies more than {max_depth} folders deep"
                else:
                    pending.append((name, depth + 1))
            elif (
                entry.name.lower().endswith(suffixes)
                or entry.is_symlink()
                or (kind == "article" and _is_text_article(entry))
            ):
                yield _found(entry, name, kind, now_ns)


def _is_text_article(entry: os.DirEntry[str]) -> bool:
    """Tell whether a `.txt` file is an article: if it begins as front matter does."""
    if not entry.name.lower().endswith(".txt") or not entry.is_file(
        follow_symlinks=False
    ):
        return False
    try:
        with Path(entry.path).open("rb") as file:
            return file.read(6).removeprefix(b"\xef\xbb\xbf").startswith(b"---")
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
) -> FoundFile | tuple[str, str]:
    path = _printable(name)
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError as error:
        return path, f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(facts.st_mode):
        return path, _kind(facts.st_mode)
    return FoundFile(path, name, kind, facts.st_size, _fingerprint(facts, now_ns))


def _fingerprint(facts: os.stat_result, now_ns: int) -> str | None:
    if now_ns - max(facts.st_mtime_ns, facts.st_ctime_ns) < TOO_FRESH_NS:
        return None
    numbers = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
    return "-".join(str(number) for number in numbers)


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISLNK, "is a symbolic link; links are not followed"),
        (stat.S_ISFIFO, "is a named pipe, not a file"),
        (stat.S_ISSOCK, "is a socket, not a file"),
        (stat.S_ISDIR, "is a folder, not a file"),
    )
    return next((words for test, words in kinds if test(mode)), "is a device")


def _printable(name: str) -> str:
    """Spell a name that is not UTF-8 with hexadecimal escapes for its bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
