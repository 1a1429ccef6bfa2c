"""Git repositories: what a revision holds, what changed when, and the bytes of it.

Read from a mirror of our own, by plumbing: nothing is checked out, and nothing that the
source's configuration, hooks, filters or links say is ever followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import IO

from tasks.sources.mirror import HEAD, Say, discard_mirror, update_mirror
from tasks.sources.plumbing import GitError, run_git, streamed_git
from tasks.sources.selection import printable
from tasks.values import dataclass

__all__ = [
    "GitError",
    "NoFolderError",
    "Repository",
    "TreeEntry",
    "Version",
    "open_repository",
]

REGULAR = "100"  # modes of regular files begin so; links and submodules do not
_CHUNK_BYTES = 1 << 16
# A merge is shown against each commit that it joins, so that the last version of a
# file, parents first, is what the head holds, even where a merge threw a side away.
_LOG = "log -m --raw --no-renames --no-abbrev -z --reverse --topo-order --root".split()


class NoFolderError(GitError):
    """A folder that a revision does not have."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What a revision holds at *path*: a blob, a link (120000), a submodule (160000).

    *path* is as git has it, its odd bytes as surrogates; *size_bytes* is 0 for what is
    no blob.
    """

    path: str
    mode: str
    oid: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """What one commit made of one file: *oid* is its blob, or None if it went.

    *path* is printable, *file_name* as git has it, its odd bytes as surrogates; a file
    that became a link or a submodule went. *is_taken* tells that a merge took it from
    one of those that it joins.
    """

    path: str
    file_name: str
    revision: str
    committed_at: datetime
    oid: str | None
    is_taken: bool = False


class Repository:
    """Our own bare mirror of a git source."""

    def __init__(self, mirror: Path, *, is_shallow: bool = False) -> None:
        self._mirror = mirror
        self.is_shallow = is_shallow
        self._head = self._run("rev-parse", "--verify", HEAD).decode("ascii").strip()

    def revision(self) -> str:
        """Return the commit that the selected branch is at."""
        return self._head

    def has(self, revision: str) -> bool:
        """Tell whether a commit is here."""
        return self._succeeds("cat-file", "-e", f"{revision}^{{commit}}")

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether *newer* is *older* or was made on top of it."""
        return self._succeeds("merge-base", "--is-ancestor", older, newer)

    def is_straight(self, older: str, newer: str) -> bool:
        """Tell whether every commit of *newer* that *older* has not was made after it.

        A branch that began before *older* and was merged since is not, nor is what does
        not go on from *older*, or where that is not here.
        """
        after = {older}
        with suppress(GitError):
            for commit, parents in self.parents(f"{older}..{newer}"):
                if after.isdisjoint(parents):
                    return False
                after.add(commit)
        return len(after) > 1

    def has_folder(self, revision: str, folder: str) -> bool:
        """Tell whether a revision has a folder."""
        try:
            return self._run("cat-file", "-t", f"{revision}:{folder}") == b"tree\n"
        except GitError:
            return False

    def tree(self, revision: str, folder: str = "") -> list[TreeEntry]:
        """Return all that lies in a folder of a revision, paths relative to it.

        Raises `NoFolderError` when there is no such folder.
        """
        place = f"{revision}:{folder}"
        if folder and not self._succeeds("cat-file", "-e", place):
            self._run("ls-tree", "-r", "-d", revision)  # or is a tree damaged?
            msg = f"has no folder {folder!r} at commit {revision[:12]}"
            raise NoFolderError(msg)
        listed = self._run("ls-tree", "-r", "-z", "-l", "--full-tree", place)
        return [_entry(line) for line in listed.split(b"\0") if line]

    def versions(
        self, revision: str, since: str | None, folder: str = ""
    ) -> Iterator[Version]:
        """Return what each commit up to *revision* made of each file, oldest first.

        With *since*, only commits that are no part of its history. Paths are relative
        to *folder*.
        """
        span = [revision, *([f"^{since}"] if since else [])]
        where = [f":(top,literal){folder}"] if folder else []
        command = [*_LOG, "--full-history", "--format=%H %ct %P", *span, "--", *where]
        with self._streamed(*command) as (_, output):
            yield from _versions(_tokens(output), f"{folder}/" if folder else "")

    def parents(self, revision: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Return each commit of a history or of a span, parents first, with those."""
        command = ("rev-list", "--topo-order", "--reverse", "--parents", revision)
        for line in self._run(*command, "--").decode("ascii").splitlines():
            commit, *parents = line.split(" ")
            yield commit, tuple(parents)

    def blobs(self, oids: Iterable[str], max_bytes: int) -> Iterator[bytes | None]:
        """Return the bytes of each blob, in order; None for one above *max_bytes*.

        One process reads all of them; one that is too large is never held in memory.
        """
        wanted = iter(oids)
        first = next(wanted, None)
        if first is None:
            return
        # Above this size git streams a blob, too, instead of holding it.
        limit = f"core.bigFileThreshold={max_bytes}"
        command = ("-c", limit, "cat-file", "--batch", "--buffer")
        with self._streamed(*command) as (asking, answers):
            feeder = _Feeder(chain([first], wanted), asking)
            feeder.start()
            while header := answers.readline():
                yield _content(header, answers, max_bytes)
            feeder.join()
            feeder.tell()

    def discard(self) -> None:
        """Throw the mirror away, as what is read of it proves it damaged."""
        discard_mirror(self._mirror)

    def _run(self, *arguments: str) -> bytes:
        return run_git(self._mirror, *arguments)

    def _succeeds(self, *arguments: str) -> bool:
        try:
            self._run(*arguments)
        except GitError:
            return False
        return True

    def _streamed(
        self, *arguments: str
    ) -> AbstractContextManager[tuple[IO[bytes], IO[bytes]]]:
        return streamed_git(self._mirror, *arguments)


def open_repository(
    location: str,
    mirror: Path,
    *,
    branch: str = "",
    seconds: float = 600.0,
    say: Say = print,
) -> Repository:
    """Fetch a branch of *location* into *mirror* and open that.

    *location* is a path or URL, *branch* empty for the one that its HEAD names. The
    fetch may take *seconds*. Raises `GitError`, and leaves the mirror as it was, when
    the source cannot be fetched.
    """
    was_shallow = (mirror / "shallow").is_file()
    update_mirror(location, mirror, branch=branch, seconds=seconds, say=say)
    is_shallow = was_shallow or (mirror / "shallow").is_file()
    return Repository(mirror, is_shallow=is_shallow)


def _entry(line: bytes) -> TreeEntry:
    facts, _, name = line.partition(b"\t")
    mode, kind, oid, size = facts.decode("ascii").split()
    size_bytes = int(size) if kind == "blob" else 0
    return TreeEntry(_name(name), mode, oid, size_bytes)


def _versions(tokens: Iterator[bytes], prefix: str) -> Iterator[Version]:
    """Read the log: a commit's line, then for each file what it is and its name."""
    commit: list[str] = []
    shown: dict[str, list[str | None]] = {}
    for token in tokens:
        facts = token.lstrip(b"\n")
        if facts.startswith(b":"):
            name = _name(next(tokens, b"")).removeprefix(prefix)
            shown.setdefault(name, []).append(_oid(facts))
        elif facts:
            found = facts.decode("ascii").split()
            if commit and found != commit:  # a merge comes once for each that it joins
                yield from _versions_of(commit, shown)
                shown = {}
            commit = found
    if commit:
        yield from _versions_of(commit, shown)


def _versions_of(
    commit: list[str], shown: Mapping[str, Sequence[str | None]]
) -> Iterator[Version]:
    revision, seconds, *parents = commit
    committed_at = _moment(int(seconds))
    for name, oids in shown.items():
        is_taken = len(oids) < len(parents)
        path = printable(name)
        yield Version(path, name, revision, committed_at, oids[0], is_taken=is_taken)


def _oid(facts: bytes) -> str | None:
    """Return the blob of a raw line: modes, then ids, before and after; the change."""
    columns = facts.decode("ascii").lstrip(":").split(" ")
    return columns[3] if columns[1].startswith(REGULAR) else None


def _moment(seconds: int) -> datetime:
    """Return a commit's time; git allows times that no calendar has."""
    last = datetime(9999, 12, 31, tzinfo=UTC)
    return datetime.fromtimestamp(min(max(seconds, 0), int(last.timestamp())), UTC)


def _tokens(output: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := output.read(_CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _name(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


class _Feeder(Thread):
    """Asks for blobs while the answers are read, or both would wait for ever."""

    def __init__(self, oids: Iterable[str], asking: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._oids = oids
        self._asking = asking
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            # A reader that went away is nobody's fault.
            with suppress(BrokenPipeError), self._asking:
                for oid in self._oids:
                    self._asking.write(f"{oid}\n".encode("ascii"))
        except BaseException as error:  # noqa: BLE001 - told by whom it concerns
            self._error = error

    def tell(self) -> None:
        """Raise what went wrong with the asking itself."""
        if self._error is not None:
            raise self._error


def _content(header: bytes, answers: IO[bytes], max_bytes: int) -> bytes | None:
    """Read one answer to its end: `<oid> blob <size>`, the bytes, a line end."""
    oid, _, facts = header.decode("ascii").strip().partition(" ")
    kind, _, size = facts.partition(" ")
    if not size:
        msg = f"git has no object {oid} ({facts})"
        raise GitError(msg)
    left = int(size) + 1
    if kind == "blob" and left <= max_bytes + 1:
        content = answers.read(left)
        if len(content) < left:
            msg = f"git ended in the middle of object {oid}"
            raise GitError(msg)
        return content[:-1]
    while left and (skipped := answers.read(min(left, _CHUNK_BYTES))):
        left -= len(skipped)
    return None
