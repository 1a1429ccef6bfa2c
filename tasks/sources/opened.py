"""Any source, opened: the one door to folders, git repositories and archives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tasks.models import FoundFile, KnownFile, Listing, Rejection, Source, SourceFile
from tasks.settings import ReadSettings, SourceSettings
from tasks.sources.folder import FolderSource
from tasks.sources.location import (
    SourceError,
    UnreachableError,
    fetch_location,
    is_url,
    local_path,
)
from tasks.sources.selection import Selection

if TYPE_CHECKING:
    from tasks.sources.git import Repository


class OpenSource(Protocol):
    """A source that is open: what it holds, and the bytes of it."""

    def find(
        self, known: Mapping[str, KnownFile], since: str | None, *, full: bool
    ) -> Listing:
        """Find all files; *known* are those of earlier runs, *since* their revision.

        Raises `SourceError` unless all that was asked for could be looked at.
        """

    def read(self, files: Sequence[FoundFile]) -> Iterator[SourceFile | Rejection]:
        """Read files, in their order."""

    def close(self) -> None:
        """Let go of what is held open."""


def open_source(
    source: Source,
    place: SourceSettings,
    limits: ReadSettings,
    mirrors: Path,
    say: Callable[[str], None],
) -> OpenSource:
    """Open a source; git is fetched into *mirrors* first. Raises `SourceError`."""
    selection = Selection(place.include, place.exclude, limits.max_depth)
    if source.kind == "git":
        from tasks.sources.gitfiles import GitSource  # noqa: PLC0415 - as for archives

        repository = fetch_source(source, place, limits, mirrors, say)
        size = limits.max_file_bytes
        return GitSource(source, repository, place.folder, selection, size)
    path = local_path(place.location)
    if source.kind == "archive":
        return _open_archive(source, path, place, limits, selection)
    root = path / place.folder
    if not root.is_dir() or root.resolve() != root:  # nor a link that leads elsewhere
        msg = f"has no folder {place.folder!r}"
        raise SourceError(msg)
    return FolderSource(source, root, selection, limits.max_file_bytes)


def _open_archive(
    source: Source,
    path: Path,
    place: SourceSettings,
    limits: ReadSettings,
    selection: Selection,
) -> OpenSource:
    # Only now: tar and zip are 10 ms of imports, which other sources need not pay.
    from tasks.sources.archive import ArchiveSource  # noqa: PLC0415
    from tasks.sources.unpacking import Limits  # noqa: PLC0415

    sizes = Limits(
        limits.max_archive_files, limits.max_archive_bytes, limits.max_file_bytes
    )
    return ArchiveSource(source, path, place.folder, selection, sizes)


def fetch_source(
    source: Source,
    place: SourceSettings,
    limits: ReadSettings,
    mirrors: Path,
    say: Callable[[str], None],
) -> Repository:
    """Fetch a git source into its mirror.

    Raises `SourceError`, `UnreachableError` if it is another machine that fails.
    """
    from tasks.sources.git import GitError, open_repository  # noqa: PLC0415

    location = fetch_location(place.location)
    try:
        return open_repository(
            location,
            mirrors / f"{source.source_id}.git",
            branch=place.branch,
            seconds=limits.git_seconds,
            say=say,
        )
    except GitError as error:
        advice = (
            "check the address, the network and your access"
            if is_url(place.location)
            else "check that it is whole and may be read"
        )
        hint = "" if ": name " in str(error) or ": install " in str(error) else advice
        msg = f"cannot be fetched: {error}" + (f" ({hint})" if hint else "")
        is_elsewhere = bool(hint) and is_url(place.location)
        raise (UnreachableError if is_elsewhere else SourceError)(msg) from None
