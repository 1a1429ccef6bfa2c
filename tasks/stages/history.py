"""Steps on history: versions of files are read and kept; observations are made of them.

What is kept never hangs on when it was read: a run after every commit, or one run and a
back-fill of all before it, end in the same rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from uuid import UUID

from tasks.articles import Parsed, parse_usual
from tasks.history import VersionReader, generations
from tasks.models import Article, Changes, Rejection, Source, SourceFile, Visible
from tasks.reading import Unusual, parse_unusual
from tasks.rows import ArticleRows, version_table
from tasks.run import Run
from tasks.sources.git import Version
from tasks.sources.gitfiles import GitSource
from tasks.sources.location import NO_HISTORY, SourceError
from tasks.sources.selection import is_front_matter
from tasks.stages.articles import let_others_speak
from tasks.stages.sources import named
from tasks.urls import identify

BATCH_VERSIONS = 4_000  # versions a transaction: about half a second
BATCH_UNKNOWN = 500  # files of old, loaded at once with all that they say
MAX_REMEMBERED = 65_536  # blobs whose reading is remembered, some 300 bytes each

Seen = Visible | Rejection | None  # None: no article after all


@dataclass
class History:
    """Versions of a source's files that are due, and what was learnt on the way.

    *is_whole* tells that they begin with the first commit. *batches* are to be read in
    their order, oldest first.
    """

    source: Source
    opened: GitSource
    reader: VersionReader
    is_whole: bool
    batches: Iterator[list[Version]] = field(default_factory=lambda: iter(()))
    generations: Mapping[str, int] = field(default_factory=dict)
    known: AbstractSet[UUID] = frozenset()
    unknown: dict[str, Version] = field(default_factory=dict)
    gone_at: dict[str, datetime] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)  # by blob
    _ids: dict[str, UUID] = field(default_factory=dict)

    def document_id(self, path: str) -> UUID:
        """Return the id of the document at *path*."""
        if path not in self._ids:
            source_id = str(self.source.source_id)
            self._ids[path] = identify("document", source_id, path)
        return self._ids[path]


def new_versions(run: Run, seen: Changes) -> History:
    """Find the versions since the last run; of a first run, those that are current."""
    history = _opened(run, seen.source)
    since, _ = run.warehouse.history.read_history(seen.source.source_id)
    if since == seen.revision:
        return history
    if since and history.opened.has(since):
        return _due(run, history, history.opened.versions(since))
    with named(seen.source.name):
        return _due(run, history, _current(history.opened.versions(None)))


def whole_history(run: Run, seen: Changes) -> History:
    """Find all versions but those of a history that was read as a whole before."""
    history = replace(_opened(run, seen.source), is_whole=True)
    _, since = run.warehouse.history.read_history(seen.source.source_id)
    if since == seen.revision:
        return history
    is_there = since is not None and history.opened.has(since)
    return _due(run, history, history.opened.versions(since if is_there else None))


def read_versions(run: Run, history: History, versions: Sequence[Version]) -> None:
    """Read a batch of versions and keep them, in one transaction.

    Those that an earlier run kept are left alone, so one that was killed is gone on
    with. A version that is no article is counted, and makes no observation.
    """
    with named(history.source.name):
        due = _unread(run, history, versions)
        found = _read(run, history, due)
    seen = [(version, found[version.oid]) for version in due if version.oid]
    unreadable = {id(v) for v, visible in seen if not isinstance(visible, Visible)}
    for version in versions:
        _note(history, version, is_readable=id(version) not in unreadable)
    rows = version_table(
        (*_point(history, version), visible)
        for version, visible in seen
        if isinstance(visible, Visible)
    )
    warehouse = run.warehouse
    with warehouse.batch({"batch_versions": rows}), warehouse.transaction():
        warehouse.history.put_versions(run.moment)
        if not history.is_whole:
            warehouse.history.put_observations()
    run.counts["versions"] += len(versions)
    run.counts["versions_rejected"] += sum(
        isinstance(visible, Rejection) for _, visible in seen
    )
    day = max(version.committed_at for version in versions).date()
    count = f"{run.counts['versions']:,} versions"
    run.say(f"{history.source.name}: {count} read, up to {day}")


def finish_versions(run: Run, history: History) -> None:
    """Load the files that only history knows, and note how far it was read."""
    with named(history.source.name):
        articles = _last_articles(run, history)
    for start in range(0, len(articles), BATCH_UNKNOWN):
        _load(run, articles[start : start + BATCH_UNKNOWN])
    _remove(run, history)
    warehouse = run.warehouse
    with warehouse.transaction():
        if history.is_whole:
            warehouse.history.put_observations(everything=True)
        warehouse.history.put_history(
            history.source.source_id,
            history.opened.revision,
            is_whole=history.is_whole and not history.opened.is_shallow,
        )
    _tell(run, history, len(articles))


def _opened(run: Run, source: Source) -> History:
    """Take the repository that the listing opened; `SourceError` if it is none."""
    opened = run.opened[source.source_id]
    if not isinstance(opened, GitSource):
        raise SourceError(NO_HISTORY, of=source.name)
    return History(source, opened, run.versions, is_whole=False)


def _tell(run: Run, history: History, loaded: int) -> None:
    name = history.source.name
    if loaded:
        run.say(f"{name}: {loaded:,} files of old are loaded as they last were")
    if run.counts["versions_rejected"]:
        count = f"{run.counts['versions_rejected']:,} of {run.counts['versions']:,}"
        run.say(f"{name}: {count} versions are no readable article")
    if history.is_whole and history.opened.is_shallow:
        run.say(f"{name}: the clone is shallow, so there is no more history here")


def _current(versions: Iterable[Version]) -> list[Version]:
    """Return the last version of each path that is there."""
    last = {version.path: version for version in versions}
    return [version for version in last.values() if version.oid]


def _due(run: Run, history: History, versions: Iterable[Version]) -> History:
    """Cut versions into batches, and learn what they hang on."""
    history.batches = _batches(history.source.name, iter(versions))
    history.known = run.warehouse.history.known_documents(history.source.source_id)
    with named(history.source.name):
        history.generations = generations(history.opened.parents())
    return history


def _batches(name: str, versions: Iterator[Version]) -> Iterator[list[Version]]:
    while True:
        with named(name):
            batch = list(islice(versions, BATCH_VERSIONS))
        if not batch:
            return
        yield batch


def _note(history: History, version: Version, *, is_readable: bool) -> None:
    """Remember since when a file is gone, and the versions of one that is not known.

    As for a run after every commit, a file is back as soon as it can be read.
    """
    path = version.path
    if version.oid is None:
        history.gone_at.setdefault(path, version.committed_at)
    elif is_readable:
        history.gone_at.pop(path, None)
        if history.document_id(path) not in history.known:
            history.unknown[path] = version


def _unread(run: Run, history: History, versions: Sequence[Version]) -> list[Version]:
    """Return the versions that are files and not kept yet."""
    files = [version for version in versions if version.oid]
    points = version_table((*_point(history, version), None) for version in files)
    with run.warehouse.batch({"batch_versions": points}):
        unread = run.warehouse.history.unread_versions()
    return [
        version
        for version in files
        if (history.document_id(version.path), version.revision) in unread
    ]


def _point(history: History, version: Version) -> tuple[UUID, datetime, int, str]:
    document_id = history.document_id(version.path)
    generation = history.generations.get(version.revision, 0)
    return document_id, version.committed_at, generation, version.revision


def _read(
    run: Run, history: History, versions: Iterable[Version]
) -> Mapping[str, Seen]:
    """Return what a reader could see of versions, by blob: each is read once.

    Git brings the next blobs while one is read. What is unusual is handed on to a
    child process, as it is when a file is loaded.
    """
    seen = history.seen
    if len(seen) > MAX_REMEMBERED:
        seen.clear()
    wanted = {
        version.oid: version.path
        for version in versions
        if version.oid and version.oid not in seen
    }
    waiting: deque[tuple[str, bytes]] = deque()

    def unusual() -> Iterator[Unusual]:
        contents = history.opened.contents(wanted)
        for (oid, path), content in zip(wanted.items(), contents, strict=True):
            if content is None:
                seen[oid] = Rejection("read", path, "is too large")
            elif path.lower().endswith(".txt") and not is_front_matter(content[:6]):
                seen[oid] = None
            elif (found := history.reader.read(content)) is not None:
                seen[oid] = found
            else:
                waiting.append((oid, content))
                yield "article", _file(history, path, "", content)

    for parsed in parse_unusual(unusual(), run.settings.read):
        oid, content = waiting.popleft()
        seen[oid] = history.reader.learn(content, parsed)
        run.counts["in_sandbox"] += 1
    return seen


def _last_articles(run: Run, history: History) -> list[Article]:
    """Read each file that is not known as it was when it could be read last."""
    last = list(history.unknown.values())
    articles: list[Parsed] = []

    def unusual() -> Iterator[Unusual]:
        contents = history.opened.contents(version.oid or "" for version in last)
        for version, content in zip(last, contents, strict=True):
            if content is None:
                continue
            file = _file(history, version.path, version.revision, content)
            found = parse_usual(file, "article")
            if found is None:
                yield "article", file
            else:
                articles.append(found)

    articles.extend(parse_unusual(unusual(), run.settings.read))
    return [article for article in articles if isinstance(article, Article)]


def _file(history: History, path: str, revision: str, content: bytes) -> SourceFile:
    return SourceFile(history.source.source_id, path, revision, content)


def _load(run: Run, articles: Sequence[Article]) -> None:
    """Load files that were, as if they still were: `_remove` ends that."""
    warehouse = run.warehouse
    rows = ArticleRows()
    for article in articles:
        rows.article(article)
    with warehouse.batch(rows.tables()):
        let_others_speak(run, rows)
        with warehouse.transaction():
            warehouse.articles.load_articles(run.moment)


def _remove(run: Run, history: History) -> None:
    """Mark the documents of deleted files, each with the time of that commit."""
    deleted = {
        history.document_id(path): moment for path, moment in history.gone_at.items()
    }
    warehouse = run.warehouse
    gone = warehouse.history.known_documents(history.source.source_id, standing=True)
    ids = [document_id for document_id in deleted if document_id in gone]
    if not ids:
        return
    with warehouse.batch({}, ids, deleted):
        let_others_speak(run, ArticleRows())
        with warehouse.transaction():
            warehouse.articles.remove_documents(run.moment)
