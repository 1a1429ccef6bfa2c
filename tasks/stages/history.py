"""Steps on history: versions of files are read and kept; observations are made of them.

What is kept never hangs on when it was read: a run after every commit, or one run and a
back-fill of all before it, end in the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from uuid import UUID

from tasks.articles import parse_article, read_again
from tasks.history import VersionReader, generations
from tasks.models import Article, Changes, Rejection, Source, SourceFile, Visible
from tasks.rows import article_tables, version_table
from tasks.run import Run
from tasks.settings import SourceSettings
from tasks.sources.git import Repository, Version
from tasks.sources.selection import (
    ARTICLES,
    Answer,
    Selection,
    article_at,
    is_front_matter,
)
from tasks.urls import identify

BATCH_VERSIONS = 4_000  # versions a transaction: about half a second
BATCH_LOST = 500  # files that are gone, loaded at once with all they say
MAX_REMEMBERED = 65_536  # blobs whose reading is remembered, some 300 bytes each

Seen = Visible | Rejection | None  # None: no article after all


@dataclass
class History:
    """Versions of a source's files that are due, and what was learnt on the way.

    *revision* is the commit they lead up to, *is_whole* tells that they begin with the
    first one. *batches* are to be read in their order, oldest first.
    """

    source: Source
    repository: Repository
    revision: str
    is_whole: bool
    max_bytes: int
    batches: Iterator[list[Version]] = field(default_factory=lambda: iter(()))
    generations: Mapping[str, int] = field(default_factory=dict)
    reader: VersionReader = field(default_factory=VersionReader)
    remembered: dict[str, Seen] = field(default_factory=dict)
    document_ids: dict[str, UUID] = field(default_factory=dict)
    known: set[UUID] = field(default_factory=set)
    unknown: dict[str, list[Version]] = field(default_factory=dict)
    deleted_at: dict[str, datetime] = field(default_factory=dict)

    def document_id(self, path: str) -> UUID:
        """Return the id of the document at *path*."""
        if path not in self.document_ids:
            source_id = str(self.source.source_id)
            self.document_ids[path] = identify("document", source_id, path)
        return self.document_ids[path]


def new_versions(run: Run, place: SourceSettings, seen: Changes) -> History:
    """Find the versions since the last run; of a first run, those that are current."""
    history = _open(run, seen.source)
    observed, _ = run.warehouse.read_history(seen.source.source_id)
    if observed == history.revision:
        return history
    since = observed if observed and history.repository.has(observed) else None
    versions = history.repository.versions(history.revision, since, place.folder)
    return _due(run, place, history, versions if since else _current(versions))


def whole_history(run: Run, place: SourceSettings, seen: Changes) -> History:
    """Find all versions but those of a history that was read as a whole before."""
    history = replace(_open(run, seen.source), is_whole=True)
    _, backfilled = run.warehouse.read_history(seen.source.source_id)
    if backfilled == history.revision:
        return history
    since = backfilled if backfilled and history.repository.has(backfilled) else None
    versions = history.repository.versions(history.revision, since, place.folder)
    return _due(run, place, history, versions)


def read_versions(run: Run, history: History, versions: Sequence[Version]) -> None:
    """Read a batch of versions and keep them, in one transaction.

    Those that an earlier run kept are left alone, so one that was killed is gone on
    with. A version that is no article is counted, and makes no observation.
    """
    for version in versions:
        _note(history, version)
    due = _unread(run, history, versions)
    _read_blobs(history, due)
    seen = [(version, history.remembered[version.oid or ""]) for version in due]
    rows = version_table(
        (*_point(history, version), found)
        for version, found in seen
        if isinstance(found, Visible)
    )
    warehouse = run.warehouse
    with warehouse.batch({"batch_versions": rows}), warehouse.transaction():
        warehouse.put_versions(run.moment)
        if not history.is_whole:
            warehouse.put_observations()
    run.counts["versions"] += len(versions)
    rejected = [found for _, found in seen if isinstance(found, Rejection)]
    run.counts["versions_rejected"] += len(rejected)
    count = run.counts["versions"]
    run.say(f"{history.source.name}: {count:,} versions, up to {_day(versions)}")


def finish_versions(run: Run, history: History) -> None:
    """Load the files that only history knows, and note how far it was read."""
    articles = _last_articles(history)
    for start in range(0, len(articles), BATCH_LOST):
        _load(run, articles[start : start + BATCH_LOST])
    _remove(run, history)
    warehouse = run.warehouse
    with warehouse.transaction():
        if history.is_whole:
            warehouse.put_observations(everything=True)
        warehouse.put_history(
            history.source.source_id, history.revision, is_whole=history.is_whole
        )
    if articles:
        count = f"{len(articles):,} files that are gone"
        run.say(f"{history.source.name}: {count} were loaded as they last were")
    if run.counts["versions_rejected"]:
        count = f"{run.counts['versions_rejected']:,} of {run.counts['versions']:,}"
        run.say(f"{history.source.name}: {count} versions are no readable article")


def _open(run: Run, source: Source) -> History:
    repository = Repository(run.data / "mirrors" / f"{source.source_id}.git")
    revision = repository.revision()
    max_bytes = run.settings.read.max_file_bytes
    return History(source, repository, revision, is_whole=False, max_bytes=max_bytes)


def _current(versions: Iterable[Version]) -> list[Version]:
    """Return the last version of each path that is there."""
    last = {version.path: version for version in versions}
    return [version for version in last.values() if version.oid]


def _due(
    run: Run, place: SourceSettings, history: History, versions: Iterable[Version]
) -> History:
    """Cut the versions of articles into batches, and learn what they hang on."""
    read = run.settings.read
    selection = Selection(place.include, place.exclude, read.max_depth)
    answers: dict[str, Answer] = {}
    news = f"{place.folder}/{ARTICLES}".lstrip("/")
    is_hub = history.repository.has_folder(history.revision, news)

    def articles() -> Iterator[Version]:
        for version in versions:
            name = version.file_name
            if name not in answers:
                answers[name] = article_at(selection, name, is_hub=is_hub)
            if answers[name] != "no":
                yield version

    history.batches = _batches(articles())
    history.known = run.warehouse.known_documents(history.source.source_id)
    history.generations = generations(history.repository.parents(history.revision))
    return history


def _batches(versions: Iterator[Version]) -> Iterator[list[Version]]:
    while batch := list(islice(versions, BATCH_VERSIONS)):
        yield batch


def _note(history: History, version: Version) -> None:
    """Remember what became of a path, and the versions of a file that is not known."""
    if version.oid is None:
        history.deleted_at[version.path] = version.committed_at
    else:
        history.deleted_at.pop(version.path, None)
    if history.document_id(version.path) not in history.known:
        history.unknown.setdefault(version.path, []).append(version)


def _unread(run: Run, history: History, versions: Sequence[Version]) -> list[Version]:
    """Return the versions that are files and not kept yet."""
    files = [version for version in versions if version.oid]
    points = version_table((*_point(history, version), None) for version in files)
    with run.warehouse.batch({"batch_versions": points}):
        unread = run.warehouse.unread_versions()
    return [
        version
        for version in files
        if (history.document_id(version.path), version.revision) in unread
    ]


def _point(history: History, version: Version) -> tuple[UUID, datetime, int, str]:
    document_id = history.document_id(version.path)
    generation = history.generations.get(version.revision, 0)
    return document_id, version.committed_at, generation, version.revision


def _read_blobs(history: History, versions: Iterable[Version]) -> None:
    """Read what is not remembered, each blob once, while git brings the next ones."""
    if len(history.remembered) > MAX_REMEMBERED:
        history.remembered.clear()
    wanted = {
        version.oid: version.path
        for version in versions
        if version.oid and version.oid not in history.remembered
    }
    blobs = history.repository.blobs(wanted, history.max_bytes)
    for (oid, path), content in zip(wanted.items(), blobs, strict=True):
        history.remembered[oid] = _seen(history.reader, path, content)


def _seen(reader: VersionReader, path: str, content: bytes | None) -> Seen:
    if content is None:
        return Rejection("read", path, "is too large")
    if path.lower().endswith(".txt") and not is_front_matter(content[:6]):
        return None
    return reader.read(content)


def _last_articles(history: History) -> list[Article]:
    """Read each file that is not known as it last was, if it ever was an article."""
    pending = {
        path: [version for version in versions if version.oid]
        for path, versions in history.unknown.items()
    }
    articles = []
    while pending := {path: found for path, found in pending.items() if found}:
        last = [versions.pop() for versions in pending.values()]
        oids = [version.oid for version in last if version.oid]
        blobs = history.repository.blobs(oids, history.max_bytes)
        for version, content in zip(last, blobs, strict=True):
            article = _article(history, version, content)
            if article is not None:
                articles.append(article)
                del pending[version.path]
    return articles


def _article(
    history: History, version: Version, content: bytes | None
) -> Article | None:
    if not isinstance(_seen(history.reader, version.path, content), Visible):
        return None
    source_id = history.source.source_id
    file = SourceFile(source_id, version.path, version.revision, content or b"")
    found = parse_article(file)
    return found if isinstance(found, Article) else None


def _load(run: Run, articles: Sequence[Article]) -> None:
    """Load files that were, as if they still were: `_remove` ends that."""
    warehouse = run.warehouse
    with warehouse.batch(article_tables(articles)):
        if again := warehouse.contested():
            warehouse.fill(article_tables(articles, map(read_again, again)))
        with warehouse.transaction():
            warehouse.load_articles(run.moment)


def _remove(run: Run, history: History) -> None:
    """Mark the documents of deleted files, each with the time of that commit."""
    deleted = {
        history.document_id(path): moment
        for path, moment in history.deleted_at.items()
    }
    warehouse = run.warehouse
    gone = warehouse.known_documents(history.source.source_id, standing=True)
    ids = [document_id for document_id in deleted if document_id in gone]
    if not ids:
        return
    with warehouse.batch({}, ids, deleted):
        warehouse.fill(article_tables((), map(read_again, warehouse.contested())))
        with warehouse.transaction():
            warehouse.remove_documents(run.moment)


def _day(versions: Sequence[Version]) -> str:
    return max(version.committed_at for version in versions).date().isoformat()
