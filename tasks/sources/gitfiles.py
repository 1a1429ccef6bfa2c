"""The files of a git source: found by tree and log, read as blobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice

from tasks.models import (
    FoundFile,
    KnownFile,
    Listing,
    Rejection,
    Source,
    SourceFile,
)
from tasks.sources.git import (
    REGULAR,
    GitError,
    NoFolderError,
    Repository,
    TreeEntry,
    Version,
)
from tasks.sources.location import SourceError
from tasks.sources.selection import (
    ARTICLES,
    LINK,
    Answer,
    Entry,
    Selection,
    article_at,
    choose,
    is_front_matter,
    too_large,
)

MAX_REMEMBERED = 200_000  # versions, some 300 bytes each: 60 MB

_ODD = "is no file that git knows a kind of"
_FAULTS = {"120000": LINK, "160000": "is a submodule, which is not read"}


class GitSource:
    """A git repository as a source: each file has the commit that made it what it is.

    That is, in topological order, the last commit that gave the path its present blob:
    a rule that only the repository decides, so that it is the same for a run that reads
    a few commits and for one that reads all of them.
    """

    def __init__(
        self,
        source: Source,
        repository: Repository,
        folder: str,
        selection: Selection,
        max_bytes: int,
    ) -> None:
        self._source = source
        self._repository = repository
        self._folder = folder
        self._selection = selection
        self._max_bytes = max_bytes
        self._is_there: str | None = None  # a commit that was found
        self._walked: tuple[str | None, list[Version]] | None = None

    def find(
        self, known: Mapping[str, KnownFile], since: str | None, *, full: bool
    ) -> Listing:
        """Find all files of the head, and which commit made each; *since* was read."""
        head = self._repository.revision()
        with self._undamaged():
            tree = self._repository.tree(head, self._folder)
            entries = map(_entry, tree)
            chosen, rejections = choose(self._source, entries, self._selection)
            files = list(self._articles(chosen, known))
            start, notes = self._start(since, head)
            traced = (
                self._traced(files, {}, None)
                if full
                else self._traced(files, known, start)
            )
        return Listing(traced, rejections, revision=head, notes=notes)

    def read(self, files: Sequence[FoundFile]) -> Iterator[SourceFile | Rejection]:
        """Read files, in their order, through one process."""
        small = [file for file in files if file.size_bytes <= self._max_bytes]
        with self._undamaged():
            blobs = self._repository.blobs(
                (file.file_name for file in small), self._max_bytes
            )
            for file in files:
                is_small = file.size_bytes <= self._max_bytes
                content = next(blobs, None) if is_small else None
                yield self._read(file, content)

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def revision(self) -> str:
        """The commit that is read up to."""
        return self._repository.revision()

    @property
    def is_shallow(self) -> bool:
        """Tell whether the history was cut off by a shallow clone."""
        return self._repository.is_shallow

    def has(self, revision: str) -> bool:
        """Tell whether a commit is here."""
        return revision == self._is_there or self._repository.has(revision)

    def parents(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Return each commit of the history with its parents, parents first."""
        with self._undamaged():
            yield from self._repository.parents(self.revision)

    def versions(self, since: str | None) -> Iterator[Version]:
        """Return what each commit made of each article file, oldest first.

        Which paths are articles is decided as for the head. With *since*, only commits
        that are no part of its history.
        """
        news = "/".join(filter(None, (self._folder, ARTICLES)))
        is_hub = self._repository.has_folder(self.revision, news)
        answers: dict[str, Answer] = {}
        with self._undamaged():
            for found in self._every_version(since):
                name = found.file_name
                if name not in answers:
                    answers[name] = article_at(name, self._selection, is_hub=is_hub)
                if answers[name] != "no":
                    yield found

    def contents(self, oids: Iterable[str]) -> Iterator[bytes | None]:
        """Return the bytes of blobs, in their order; None for one that is too large."""
        with self._undamaged():
            yield from self._repository.blobs(oids, self._max_bytes)

    def _read(self, file: FoundFile, content: bytes | None) -> SourceFile | Rejection:
        source_id = self._source.source_id
        if content is None:
            reason = too_large(self._max_bytes)
            return Rejection("read", file.path, reason, source_id=source_id)
        return SourceFile(
            source_id, file.path, file.revision, content, file.observed_at
        )

    def _start(
        self, since: str | None, head: str
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return the commit from which on the log has all that is to be known.

        None is the beginning. Commits that were made beside *since* and merged later
        come before it in the order of the whole history, so then all of it is asked.
        """
        repository = self._repository
        if since is None or repository.is_shallow:
            return None, ()
        if since == head:
            return since, ()
        if repository.is_straight(since, head):
            self._is_there = since
            return since, ()
        if not repository.has(since):
            return None, (f"commit {since[:12]} is there no more: compared in full",)
        if not repository.is_ancestor(since, head):
            words = f"history was rewritten, {since[:12]} is no part of it any more"
            return None, (f"{words}: compared in full",)
        return None, ()

    def _traced(
        self,
        files: Sequence[FoundFile],
        known: Mapping[str, KnownFile],
        since: str | None,
    ) -> list[FoundFile]:
        """Give each file its origin, or leave it as the last run knew it."""
        is_read = since == self._repository.revision()
        origins = {} if is_read else self._origins(files, since)
        traced = []
        for file in files:
            before = known.get(file.path)
            if file.path in origins:
                traced.append(_with_origin(file, *origins[file.path]))
            elif before and before.fingerprint and _blob(before) == file.file_name:
                traced.append(replace(file, fingerprint=before.fingerprint))
            elif since is not None:
                return self._traced(files, known, None)
            else:  # a blob that no commit brought: the history is damaged or grafted
                traced.append(_with_origin(file, self._repository.revision(), None))
        return traced

    def _origins(
        self, files: Sequence[FoundFile], since: str | None
    ) -> dict[str, tuple[str, datetime]]:
        blobs = {file.path: file.file_name for file in files}
        return {
            version.path: (version.revision, version.committed_at)
            for version in self._every_version(since)
            if version.oid == blobs.get(version.path, "") and not version.is_taken
        }

    def _every_version(self, since: str | None) -> Iterable[Version]:
        """Return all versions, of taxonomy too; read from the log once if not many."""
        if self._walked is not None and self._walked[0] == since:
            return self._walked[1]
        versions = self._repository.versions(self.revision, since, self._folder)
        found = list(islice(versions, MAX_REMEMBERED))
        if len(found) == MAX_REMEMBERED:
            return chain(found, versions)
        self._walked = (since, found)
        return found

    def _articles(
        self,
        chosen: Sequence[tuple[FoundFile, Answer]],
        known: Mapping[str, KnownFile],
    ) -> Iterator[FoundFile]:
        """Leave out text files that are no articles; known ones need no second look."""
        doubtful = [
            file
            for file, answer in chosen
            if answer == "maybe"
            and (file.path not in known or _blob(known[file.path]) != file.file_name)
            and file.size_bytes <= self._max_bytes
        ]
        oids = (file.file_name for file in doubtful)
        blobs = self._repository.blobs(oids, self._max_bytes)
        others = {
            file.path
            for file, content in zip(doubtful, blobs, strict=True)
            if content is None or not is_front_matter(content[:6])
        }
        return (file for file, _ in chosen if file.path not in others)

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        """Throw the mirror away if it cannot be read, so that the next run mends it."""
        try:
            yield
        except NoFolderError as error:
            raise SourceError(str(error)) from None
        except GitError as error:
            self._repository.discard()
            msg = f"has a damaged mirror, which the next run makes anew: {error}"
            raise SourceError(msg) from None


def _entry(found: TreeEntry) -> Entry:
    fault = "" if found.mode.startswith(REGULAR) else _FAULTS.get(found.mode, _ODD)
    return Entry(found.path, found.oid, found.size_bytes, found.oid, fault)


def _with_origin(
    file: FoundFile, revision: str, committed_at: datetime | None
) -> FoundFile:
    return replace(
        file,
        fingerprint=f"{file.file_name} {revision}",
        revision=revision,
        observed_at=committed_at,
    )


def _blob(before: KnownFile) -> str:
    """Return the blob of a fingerprint, which names a blob and a commit."""
    return (before.fingerprint or "").partition(" ")[0]
