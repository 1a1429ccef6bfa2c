"""Where a source is: its kind, its identity, and how its place is spelled."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

from tasks.models import Source, SourceKind
from tasks.settings import SourceSettings, without_password
from tasks.sources.selection import printable
from tasks.urls import identify

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_SCHEMES = frozenset({"file", "git", "http", "https", "ssh"})
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|[^/]+:")  # or the `host:path` of ssh

NO_HISTORY = "has no history to read: name a git repository or bundle"


class SourceError(ValueError):
    """A source that cannot be read: one line that says why and what to do.

    The rooms say *why* ("is not there: …"), the stage says *of* which source.
    """

    def __init__(self, why: str, of: str = "") -> None:
        super().__init__(f"source {of!r} {why}" if of else why)
        self.why = why


class UnreachableError(SourceError):
    """A source on another machine that could not be had; the next try may have it."""


def locate_source(place: SourceSettings) -> Source:
    """Say which source a setting names; raise `SourceError` if none can be there."""
    kind = place.kind or _kind(place.location)
    path = local_path(place.location)
    is_there = {"folder": path.is_dir(), "archive": path.is_file()}
    if not is_there.get(kind, True):
        raise SourceError(_not_there(path))
    return Source(source_id(place), kind, source_name(place), source_place(place))


def source_id(place: SourceSettings) -> UUID:
    """Return what identifies a source, whether it can be read or not."""
    return identify("source", source_name(place))


def source_name(place: SourceSettings) -> str:
    """Return the name of a source; without one, it is its place."""
    return place.name or source_place(place)


def source_place(place: SourceSettings) -> str:
    """Spell where a source is, without password: `location#branch:folder`.

    Odd bytes of a path are escaped: a database keeps text alone.
    """
    where = printable(without_password(fetch_location(place.location)))
    if not (place.branch or place.folder):
        return where
    folder = f":{place.folder}" if place.folder else ""
    return f"{where}#{place.branch}{folder}"


def fetch_location(location: str) -> str:
    """Return a location as git is to be given it: a URL as it is, a path in full."""
    return location if is_url(location) else str(local_path(location))


def local_path(location: str) -> Path:
    """Return the path of a location that is no address."""
    return Path(location).expanduser().resolve()


def is_url(location: str) -> bool:
    """Tell whether a location is an address rather than a path here."""
    found = _URL.match(location)
    return found is not None and (bool(found[1]) or not local_path(location).exists())


def _kind(location: str) -> SourceKind:
    found = _URL.match(location)
    if is_url(location):
        if found and found[1] and found[1].lower() not in _SCHEMES:
            schemes = ", ".join(sorted(_SCHEMES))
            msg = f"has an address of kind '{found[1]}://': git reads {schemes}"
            raise SourceError(msg)
        return "git"
    path = local_path(location)
    if path.is_file():
        if path.name.lower().endswith(_ARCHIVES):
            return "archive"
        if path.name.lower().endswith(".bundle") or _is_bundle(path):
            return "git"
        endings = ", ".join(_ARCHIVES)
        msg = f"is a file, but no git bundle and no archive ({endings})"
        raise SourceError(msg)
    if not path.is_dir():
        raise SourceError(_not_there(path))
    is_bare = all((path / name).exists() for name in ("HEAD", "objects", "refs"))
    return "git" if is_bare or (path / ".git").exists() else "folder"


def _is_bundle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return re.match(rb"# v\d+ git bundle\n", file.read(40)) is not None
    except OSError:
        return False


def _not_there(path: Path) -> str:
    what = "not what its `kind` says" if path.exists() else "not there"
    return f"is {what}: name a folder of Markdown articles, a git repository or archive"
