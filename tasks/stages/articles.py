"""Steps on sources: what changed is read, parsed and loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from tasks.models import (
    Article,
    Changes,
    Fate,
    FoundFile,
    KnownFile,
    Rejection,
    Source,
    SourceFile,
    StoredDocument,
    Taxonomy,
)
from tasks.rows import article_tables, file_table, rejection_table
from tasks.run import Run
from tasks.settings import SourceSettings
from tasks.sources.changes import changes
from tasks.sources.folder import list_folder, read_file
from tasks.urls import identify

if TYPE_CHECKING:
    from tasks.articles import Parsed

BATCH_FILES = 500  # article files per batch: about a second, and few Prefect tasks
BATCH_BYTES = 50_000_000  # … and no more bytes: all of it is in memory, in many forms


class SourceError(ValueError):
    """A source that cannot be read: one line that names it and what to do."""


def list_source(run: Run, place: SourceSettings) -> Changes:
    """Find out what changed in a source since it was last read to its end."""
    source = locate_source(place)
    found, rejections = list_folder(source, max_depth=run.settings.read.max_depth)
    # What makes tables is imported late: most runs find nothing that is new.
    books = {"batch_rejections": rejection_table(rejections)} if rejections else {}
    warehouse = run.warehouse
    with warehouse.batch(books), warehouse.transaction():
        warehouse.put_source(source, None)
        warehouse.resolve_listing(source.source_id, run.moment)
        warehouse.put_rejections(run.run_id)
    known = run.warehouse.known_files(source.source_id)
    unseen = [rejection.subject for rejection in rejections]
    seen = changes(source, found, known, full=run.job.full, unseen=unseen)
    run.counts["files"] += seen.files + len(rejections)
    run.counts["unchanged"] += seen.unchanged
    run.counts["rejected"] += seen.rejected + len(rejections)
    counts = f"{seen.files:,} articles, {len(seen.changed):,} files to read"
    run.say(f"{source.name}: {counts}")
    run.begin("reading", len(seen.changed))
    return seen


def file_batches(seen: Changes) -> list[tuple[FoundFile, ...]]:
    """Cut the changed files into batches, taxonomy first."""
    files = sorted(seen.changed, key=lambda file: (file.kind == "article", file.path))
    batches: list[list[FoundFile]] = [[]]
    taken_bytes = 0
    for file in files:
        taken_bytes += file.size_bytes
        if taken_bytes > BATCH_BYTES or len(batches[-1]) == BATCH_FILES:
            batches.append([])
            taken_bytes = file.size_bytes
        batches[-1].append(file)
    return [tuple(batch) for batch in batches if batch]


def load_files(run: Run, source: Source, files: Sequence[FoundFile]) -> None:
    """Read a batch of files and load it, in one transaction."""
    batch = _Batch()
    for file in files:
        known = len(batch.files)
        _read(run, source, file, batch)
        run.advance(len(batch.files) - known)  # 0 for a file that is put aside
    _read_unusual(run, batch)
    rejections = rejection_table(batch.rejections)
    files_read = file_table(source.source_id, batch.files, set(batch.read_paths))
    tables = article_tables(batch.articles, (), batch.taxonomy)
    books = {"batch_files": files_read, "batch_rejections": rejections}
    warehouse = run.warehouse
    with warehouse.batch({**tables, **books}):
        if again := warehouse.contested():
            claimed = _read_again(again)
            warehouse.fill(article_tables(batch.articles, claimed, batch.taxonomy))
        with warehouse.transaction():
            warehouse.load_articles(run.moment)
            warehouse.put_files()
            warehouse.resolve_rejections(run.moment)
            warehouse.put_rejections(run.run_id)
    run.counts["loaded"] += len(batch.articles)
    run.counts["unchanged"] += batch.unchanged
    run.counts["rejected"] += batch.rejected
    entries = sum(len(article.related) for article in batch.articles)
    run.counts["related_entries"] += entries
    run.counts["by_pyyaml"] += batch.by_pyyaml
    run.counts["in_sandbox"] += len(batch.unusual)


def finish_source(run: Run, seen: Changes) -> None:
    """Mark what is gone, and note that the source was read to its end."""
    source_id = seen.source.source_id
    documents = [
        identify("document", str(source_id), file.path)
        for file in seen.gone
        if file.kind == "article"
    ]
    if seen.gone:
        _remove(run, source_id, seen.gone, documents)
    run.warehouse.put_source(seen.source, run.moment)
    run.counts["removed"] += len(documents)
    if seen.changed:
        run.say(f"{seen.source.name}: {len(seen.changed):,} files read")
    if documents:
        run.say(f"{seen.source.name}: {len(documents):,} files are gone")


def _remove(
    run: Run, source_id: UUID, gone: Sequence[KnownFile], documents: Sequence[UUID]
) -> None:
    warehouse = run.warehouse
    paths = {file.path for file in gone}
    books = file_table(source_id, ((file, 0) for file in gone), paths)
    with warehouse.batch({"batch_files": books}, documents):
        if documents:
            claimed = _read_again(warehouse.contested())
            warehouse.fill(article_tables((), claimed))
        with warehouse.transaction():
            warehouse.remove_documents(run.moment)
            warehouse.forget_files()
            warehouse.resolve_rejections(run.moment)


def locate_source(place: SourceSettings) -> Source:
    """Say which source a setting names; raise `SourceError` if none can be read."""
    location = place.location
    if "://" in location or location.endswith((".bundle", ".git")):
        msg = f"source {location!r}: git is not read yet; clone it and name the folder"
        raise SourceError(msg)
    folder = Path(location).expanduser().resolve()
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        msg = f"source {location!r} is {what}: name a folder of Markdown articles"
        raise SourceError(msg)
    name = place.name or str(folder)
    return Source(identify("source", name), "folder", name, str(folder))


@dataclass
class _Batch:
    """What came of the files of one batch."""

    articles: list[Article] = field(default_factory=list)
    taxonomy: list[Taxonomy] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    files: list[tuple[KnownFile, int]] = field(default_factory=list)
    read_paths: list[str] = field(default_factory=list)
    unusual: list[tuple[FoundFile, SourceFile, str]] = field(default_factory=list)
    unchanged: int = 0
    rejected: int = 0
    by_pyyaml: int = 0


def _read(run: Run, source: Source, file: FoundFile, batch: _Batch) -> None:
    content = read_file(source, file, max_bytes=run.settings.read.max_file_bytes)
    if isinstance(content, Rejection):
        _take(content, file, None, batch)
        return
    sha256 = hashlib.sha256(content.content).hexdigest()
    before = file.before
    if before is not None and before.sha256 == sha256 and not run.job.full:
        _note(file, sha256, before.fate, batch)
        batch.unchanged += file.kind == "article" and before.fate == "loaded"
        batch.rejected += file.kind == "article" and before.fate == "rejected"
        return
    # A run in which no file changed does not even import the parser.
    from tasks.articles import parse_usual  # noqa: PLC0415

    parsed = parse_usual(content, file.kind)
    if parsed is None:
        batch.unusual.append((file, content, sha256))
        return
    _take(parsed, file, sha256, batch)
    batch.by_pyyaml += isinstance(parsed, Article) and not parsed.is_line_oriented


def _read_again(documents: Iterable[StoredDocument]) -> list[Article]:
    from tasks.articles import read_again  # noqa: PLC0415 - as in `_read`

    return [read_again(document) for document in documents]


def _read_unusual(run: Run, batch: _Batch) -> None:
    """Read in child processes what was put aside; they take 0.3 s to be there."""
    if not batch.unusual:
        return
    files = ((file.kind, content) for file, content, _ in batch.unusual)
    from tasks.reading import parse_unusual  # noqa: PLC0415 - few runs meet any

    outcomes = parse_unusual(files, run.settings.read)
    for (file, _, sha256), parsed in zip(batch.unusual, outcomes, strict=True):
        _take(parsed, file, sha256, batch)
        run.advance()


def _take(
    parsed: Parsed,
    file: FoundFile,
    sha256: str | None,
    batch: _Batch,
) -> None:
    batch.read_paths.append(file.path)
    if isinstance(parsed, Rejection):
        batch.rejections.append(parsed)
        batch.rejected += file.kind == "article"
        _note(file, sha256, "rejected", batch)
        return
    batch.rejections.extend(parsed.rejections)
    if isinstance(parsed, Article):
        batch.articles.append(parsed)
    else:
        batch.taxonomy.append(parsed)
    _note(file, sha256, "loaded", batch)


def _note(file: FoundFile, sha256: str | None, fate: Fate, batch: _Batch) -> None:
    known = KnownFile(file.path, file.kind, fate, sha256, file.fingerprint)
    batch.files.append((known, file.size_bytes))
