"""Steps on sources: what changed in them is found, and what is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from tasks.models import Changes, FoundFile, Rejection
from tasks.rows import rejection_table
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
from tasks.sources.selection import looked_for

# A batch is loaded at once. Each article that several batches speak of is looked up and
# written again by each, so few large ones cost less; a run that is killed loses one.
BATCH_FILES = 4_000  # article files per batch: some seconds, and few Prefect tasks
BATCH_BYTES = 8_000_000  # … and no more bytes: each is in memory some five times


def list_source(run: Run, place: SourceSettings) -> Changes:
    """Find out what changed in a source since it was last read to its end.

    Raises `SourceError`, before anything is noted, if it cannot be read.
    """
    warehouse = run.warehouse
    with named(place.label):
        source = locate_source(place)
        before = warehouse.known_source(source.source_id)
        known = warehouse.articles.known_files(source.source_id)
        opened = open_source(
            source, place, run.settings.read, run.data / "mirrors", run.say
        )
        run.opened[source.source_id] = opened
        is_same = before is not None and before.location == source.location
        since = before.revision if before and is_same else None
        found = opened.find(known, since, full=run.job.full)
    for note in found.notes:
        run.say(f"{source.name}: {note}")
    # What makes tables is imported late: most runs find nothing that is new.
    rejections = found.rejections
    books = {"batch_rejections": rejection_table(rejections)} if rejections else {}
    is_other = before is not None and before.kind != source.kind
    full = run.job.full or is_other
    seen = changes(source, found, known, full=full)
    with warehouse.batch(books), warehouse.transaction():
        if before is None or seen.changed or seen.gone:
            warehouse.put_source(source, None)  # read in part, until it is finished
        warehouse.resolve_listing(source.source_id, run.moment)
        if rejections:
            warehouse.put_rejections(run.run_id)
    if is_other:  # its files are to be loaded though their bytes may be known
        seen = replace(
            seen, changed=tuple(replace(f, before=None) for f in seen.changed)
        )
    run.counts["files"] += seen.files + len(found.rejections)
    run.counts["unchanged"] += seen.unchanged
    run.counts["rejected"] += seen.rejected + len(found.rejections)
    counts = f"{seen.files:,} articles, {len(seen.changed):,} files to read"
    run.say(f"{source.name}: {counts}")
    if not seen.files:
        run.say(f"{source.name}: no articles found; {looked_for(place.include)}")
    run.begin("reading", len(seen.changed))
    return seen


def note_unread(run: Run, place: SourceSettings, error: SourceError) -> None:
    """Put on record that a source could not be read; its last state stays."""
    reason = f"{error.why}; its last state stays"
    where = source_place(place)
    found = Rejection("read", where, reason, source_id=source_id(place))
    table = rejection_table([found])
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
    batches: list[list[FoundFile]] = [[]]
    taken_bytes = 0
    for file in files:
        taken_bytes += file.size_bytes
        if taken_bytes > BATCH_BYTES or len(batches[-1]) == BATCH_FILES:
            batches.append([])
            taken_bytes = file.size_bytes
        batches[-1].append(file)
    return [tuple(batch) for batch in batches if batch]


def finish_source(run: Run, seen: Changes) -> None:
    """Mark what is gone, and note that the source was read to its end."""
    removed = 0
    if seen.gone:
        # A run that finds nothing gone does not even import what parses.
        from tasks.stages.articles import remove_files  # noqa: PLC0415

        removed = remove_files(run, seen)
    run.warehouse.put_source(seen.source, run.moment, seen.revision)
    run.opened.pop(seen.source.source_id).close()
    run.counts["removed"] += removed
    if seen.changed:
        run.say(f"{seen.source.name}: {len(seen.changed):,} files read")
    if removed:
        run.say(f"{seen.source.name}: {removed:,} files are gone")


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
        raise type(error)(without_password(error.why), of=label) from None
