"""Steps on sources: what changed is read, parsed and loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tasks.articles import parse_article, parse_taxonomy, read_again
from tasks.models import (
    Article,
    Changes,
    Fate,
    FoundFile,
    KnownFile,
    Rejection,
    Source,
    SourceFile,
    Taxonomy,
)
from tasks.rows import article_tables, file_table, rejection_table
from tasks.run import Run
from tasks.settings import SourceSettings, without_password
from tasks.sources.changes import changes
from tasks.sources.location import (
    SourceError,
    locate_source,
    source_id,
    source_name,
    source_place,
)
from tasks.sources.opened import open_source
from tasks.urls import identify

BATCH_FILES = 500  # article files per batch: about a second, and few Prefect tasks


def list_source(run: Run, place: SourceSettings) -> Changes:
    """Find out what changed in a source since it was last read to its end.

    Raises `SourceError`, before anything is noted, if it cannot be read.
    """
    warehouse = run.warehouse
    with named(place.label):
        source = locate_source(place)
        before = warehouse.known_source(source.source_id)
        known = warehouse.known_files(source.source_id)
        opened = open_source(
            source, place, run.settings.read, run.data / "mirrors", run.say
        )
        run.opened[source.source_id] = opened
        is_same = before is not None and before.location == source.location
        since = before.revision if before and is_same else None
        found = opened.find(known, since, full=run.job.full)
    for note in found.notes:
        run.say(f"{source.name}: {note}")
    table = rejection_table((rejection, None) for rejection in found.rejections)
    with warehouse.batch({"batch_rejections": table}), warehouse.transaction():
        warehouse.put_source(source, None)
        warehouse.resolve_listing(source.source_id, run.moment)
        warehouse.put_rejections(run.run_id)
    is_other = before is not None and before.kind != source.kind
    full = run.job.full or is_other
    seen = changes(source, found, known, full=full)
    if is_other:  # its files are to be loaded though their bytes may be known
        seen = replace(
            seen, changed=tuple(replace(f, before=None) for f in seen.changed)
        )
    run.counts["files"] += seen.files + len(found.rejections)
    run.counts["unchanged"] += seen.unchanged
    run.counts["rejected"] += seen.rejected + len(found.rejections)
    counts = f"{seen.files:,} articles, {len(seen.changed):,} files to read"
    run.say(f"{source.name}: {counts}")
    return seen


def note_unread(run: Run, place: SourceSettings, error: SourceError) -> None:
    """Put on record that a source could not be read; its last state stays."""
    reason = f"{error.why}; its last state stays"
    where = source_place(place)
    found = Rejection("read", where, reason, source_id=source_id(place))
    table = rejection_table([(found, None)])
    with run.warehouse.batch({"batch_rejections": table}):
        run.warehouse.put_rejections(run.run_id)
    run.counts["sources_unread"] += 1
    # Of a source that failed halfway, only files that had a fate are counted.
    run.counts["files"] = sum(
        run.counts[fate] for fate in ("loaded", "unchanged", "rejected")
    )
    run.unread.append(str(error))


def file_batches(seen: Changes) -> list[tuple[FoundFile, ...]]:
    """Cut the changed files into batches, taxonomy first."""
    files = sorted(seen.changed, key=lambda file: (file.kind == "article", file.path))
    starts = range(0, len(files), BATCH_FILES)
    return [tuple(files[start : start + BATCH_FILES]) for start in starts]


def load_files(run: Run, source: Source, files: Sequence[FoundFile]) -> None:
    """Read a batch of files and load it, in one transaction."""
    batch = _Batch()
    with named(source.name):
        contents = run.opened[source.source_id].read(files)
        for file, content in zip(files, contents, strict=True):
            _read(run, content, file, batch)
    rejections = rejection_table((rejection, None) for rejection in batch.rejections)
    files_read = file_table(source.source_id, batch.files, set(batch.read_paths))
    tables = article_tables(batch.articles, (), batch.taxonomy)
    books = {"batch_files": files_read, "batch_rejections": rejections}
    warehouse = run.warehouse
    with warehouse.batch({**tables, **books}):
        if again := warehouse.contested():
            claimed = [read_again(document) for document in again]
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
    run.counts["by_pyyaml"] += sum(not a.is_line_oriented for a in batch.articles)
    run.say(f"{source.name}: {len(files):,} files read, {len(batch.articles):,} loaded")


def finish_source(run: Run, seen: Changes) -> None:
    """Mark what is gone, and note that the source was read to its end."""
    source_id = seen.source.source_id
    documents = [
        identify("document", str(source_id), file.path)
        for file in seen.gone
        if file.kind == "article"
    ]
    warehouse = run.warehouse
    paths = {file.path for file in seen.gone} - seen.refused
    books = file_table(source_id, ((file, 0) for file in seen.gone), paths)
    with warehouse.batch({"batch_files": books}, documents):
        again = warehouse.contested() if documents else []
        warehouse.fill(article_tables((), map(read_again, again)))
        with warehouse.transaction():
            if seen.gone:
                warehouse.remove_documents(run.moment)
                warehouse.forget_files()
                warehouse.resolve_rejections(run.moment)
            warehouse.put_source(seen.source, run.moment, seen.revision)
    run.opened.pop(source_id).close()
    run.counts["removed"] += len(documents)
    if documents:
        run.say(f"{seen.source.name}: {len(documents):,} files are gone")


def check_sources(places: Sequence[SourceSettings]) -> None:
    """Raise `SourceError` if none of the sources can be read, or two are one."""
    names = [source_name(place) for place in places]
    if twice := next((name for name in names if names.count(name) > 1), None):
        msg = f"source {twice!r} is there twice: give each a name of its own"
        raise SourceError(msg)
    errors = []
    for place in places:
        try:
            with named(place.label):
                locate_source(place)
        except SourceError as error:
            errors.append(error)
    if errors and len(errors) == len(places):
        raise errors[0]


@contextmanager
def named(label: str) -> Iterator[None]:
    """Say of which source an error is."""
    try:
        yield
    except SourceError as error:
        raise SourceError(without_password(error.why), of=label) from None


@dataclass
class _Batch:
    """What came of the files of one batch."""

    articles: list[Article] = field(default_factory=list)
    taxonomy: list[Taxonomy] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    files: list[tuple[KnownFile, int]] = field(default_factory=list)
    read_paths: list[str] = field(default_factory=list)
    unchanged: int = 0
    rejected: int = 0


def _read(
    run: Run, content: SourceFile | Rejection, file: FoundFile, batch: _Batch
) -> None:
    if isinstance(content, Rejection):
        _take(content, file, None, batch)
        return
    sha256 = hashlib.sha256(content.content).hexdigest()
    before = None if run.job.full or file.revision else file.before
    if before is not None and before.sha256 == sha256:
        _note(file, sha256, before.fate, batch)
        batch.unchanged += file.kind == "article" and before.fate == "loaded"
        batch.rejected += file.kind == "article" and before.fate == "rejected"
        return
    parsed = _parse(content, file)
    if file.revision and not isinstance(parsed, Taxonomy):
        run.versions.learn(content.content, parsed)
    _take(parsed, file, sha256, batch)


def _parse(content: SourceFile, file: FoundFile) -> Article | Taxonomy | Rejection:
    if file.kind == "taxonomy":
        return parse_taxonomy(content)
    return parse_article(content)


def _take(
    parsed: Article | Taxonomy | Rejection,
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
