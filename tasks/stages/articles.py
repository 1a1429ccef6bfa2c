"""Steps on files: what changed is read, parsed and loaded."""

from __future__ import annotations

import gc
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tasks.articles import Parsed, parse_usual, read_again
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
from tasks.reading import parse_unusual
from tasks.rows import ArticleRows, file_table, rejection_table
from tasks.run import Run
from tasks.stages.sources import named
from tasks.urls import identify

# Files are read piece by piece: their values take five times the memory of their rows.
PIECE_BYTES = 4_000_000


def load_files(run: Run, source: Source, files: Sequence[FoundFile]) -> None:
    """Read a batch of files and load it, in one transaction."""
    batch = _Batch()
    warehouse = run.warehouse
    with warehouse.batch({}):
        with _without_collector():
            _read_files(run, source, files, batch)
            warehouse.fill(
                {
                    **batch.rows.tables(),
                    "batch_rejections": rejection_table(batch.rejections),
                    "batch_files": file_table(
                        source.source_id, batch.files, set(batch.read_paths)
                    ),
                }
            )
        let_others_speak(run, batch.rows)
        with warehouse.transaction():
            warehouse.articles.load_articles(run.moment)
            warehouse.articles.put_files()
            warehouse.articles.resolve_rejections(run.moment)
            warehouse.put_rejections(run.run_id)
    run.counts.update(batch.counts)


def let_others_speak(run: Run, rows: ArticleRows) -> None:
    """Add to the batch that is held what unchanged files say of what it gives up."""
    if again := run.warehouse.articles.contested():
        for document in again:
            rows.claims(read_again(document))
        run.warehouse.fill(rows.tables())


def _read_files(
    run: Run, source: Source, files: Sequence[FoundFile], batch: _Batch
) -> None:
    """Read files, and hand their rows over piece by piece."""
    with named(source.name):
        contents = run.opened[source.source_id].read(files)
        for file, content in zip(files, contents, strict=True):
            known = len(batch.files)
            _read(run, content, file, batch)
            run.advance(len(batch.files) - known)  # 0 for a file that is put aside
            if batch.gathered_bytes >= PIECE_BYTES:
                run.warehouse.fill(batch.rows.tables())
                batch.gathered_bytes = 0
    _read_unusual(run, batch)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Spare the search for cycles: what is made of files has none.

    It would walk through all that is remembered again and again, for a tenth of the
    time of a long read.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def remove_files(run: Run, seen: Changes) -> int:
    """Take what is gone from a source off the warehouse; return how many articles."""
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
        if documents:
            let_others_speak(run, ArticleRows())
        with warehouse.transaction():
            warehouse.articles.remove_documents(run.moment)
            warehouse.articles.forget_files()
            warehouse.articles.resolve_rejections(run.moment)
    return len(documents)


@dataclass
class _Batch:
    """What came of the files of one batch."""

    rows: ArticleRows = field(default_factory=ArticleRows)
    gathered_bytes: int = 0  # of the files whose rows were not handed over yet
    rejections: list[Rejection] = field(default_factory=list)
    files: list[tuple[KnownFile, int]] = field(default_factory=list)
    read_paths: list[str] = field(default_factory=list)
    unusual: list[tuple[FoundFile, SourceFile, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


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
        batch.counts["unchanged"] += file.kind == "article" and before.fate == "loaded"
        batch.counts["rejected"] += file.kind == "article" and before.fate == "rejected"
        return
    parsed = parse_usual(content, file.kind)
    if parsed is None:
        batch.unusual.append((file, content, sha256))
        return
    if file.revision and not isinstance(parsed, Taxonomy):
        run.versions.learn(content.content, parsed)
    _take(parsed, file, sha256, batch)
    if isinstance(parsed, Article):
        batch.counts["by_pyyaml"] += not parsed.is_line_oriented


def _read_unusual(run: Run, batch: _Batch) -> None:
    """Read in child processes what was put aside; they take 0.3 s to be there."""
    if not batch.unusual:
        return
    batch.counts["in_sandbox"] += len(batch.unusual)
    files = ((file.kind, content) for file, content, _ in batch.unusual)
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
        batch.counts["rejected"] += file.kind == "article"
        _note(file, sha256, "rejected", batch)
        return
    batch.rejections.extend(parsed.rejections)
    batch.gathered_bytes += file.size_bytes
    if isinstance(parsed, Article):
        batch.rows.article(parsed)
        batch.counts["loaded"] += 1
        batch.counts["related_entries"] += len(parsed.related)
    else:
        batch.rows.taxonomy(parsed)
    _note(file, sha256, "loaded", batch)


def _note(file: FoundFile, sha256: str | None, fate: Fate, batch: _Batch) -> None:
    known = KnownFile(file.path, file.kind, fate, sha256, file.fingerprint)
    batch.files.append((known, file.size_bytes))
