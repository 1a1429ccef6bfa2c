"""What analysts open: a read-only copy, Parquet files and a report, each swapped whole.

Nobody but a run opens the working file. Readers of an older copy keep it: a rename
leaves their file alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import BinaryIO

from tasks.files import copy_bytes, stamp, sync_file, sync_folder
from tasks.models import Audit, Severity
from tasks.report import Kept, write_report
from tasks.run import PARQUET, Run, working_file
from tasks.snapshots import PUBLISHED, keep_snapshot
from tasks.values import dataclass
from tasks.vouching import damaged_captures, missing_files
from tasks.warehouse.engine import statements_digest
from tasks.warehouse.published import Published
from tasks.warehouse.ranges import Ranges, checkpoint_of

DIGEST = ".digest"  # beside a table's Parquet file: which rows it holds
CHECKED = "checked.json"  # beside the working file: the run that left all in order


# Read in each run, 2 ms each: 24 runs a day find a damaged file of a few within days.
SAMPLED_CAPTURES = 8
# Folders of light tables that are written at once.
WRITERS = 2


class AuditError(Exception):
    """A rule that the warehouse breaks: nothing is published until it holds again."""


def publish(run: Run) -> None:
    """Audit, then put the state of this run in the place of the last one.

    Raises `AuditError` and leaves the published state as it was if a rule is broken.
    The run's books are closed before the copy, so that both files say the same: the
    next run finds out if there never was one.
    """
    known = _left_in_order(run)
    held = _audit(run, known)
    run.close_books()
    run.warehouse.checkpoint()
    published = run.data / PUBLISHED
    ranges, report = _swap_copy(run, published, known)
    run.is_published()
    _leave_in_order(run, held, ranges, report)
    keep_snapshot(run.data, run.number, keep=run.settings.keep_snapshots)
    run.say(f"published {published}")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the run before this one left in order; nothing if it did not end well."""

    file: Sequence[int] = ()  # stamp of the working file: nobody wrote to it since
    rules: str = ""  # digest of the rules that it knew
    held: Mapping[str, Severity] = field(default_factory=dict)  # rule to severity
    ranges: Ranges = field(default_factory=Ranges)  # of tables
    checkpoint: int = 0  # the last one of the working file
    report: Kept = field(default_factory=Kept)


def _left_in_order(run: Run) -> _Known:
    """Return what is known without looking again, of what this run did not change."""
    try:
        checked = json.loads(_checked_file(run).read_bytes())
        is_last = checked["run"] == str(run.before)
        known = _Known(
            checked["file"],
            checked["rules"],
            checked["held"],
            Ranges(**checked["ranges"]),
            checked["checkpoint"],
            Kept(**checked["report"]),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return _Known()
    is_same = is_last and known.file == run.found and not run.warehouse.is_migrated
    return known if is_same else _Known()


def _without_places(known: _Known) -> _Known:
    """Forget where rows lay: after two checkpoints others may lie in their places."""
    return replace(known, ranges=replace(known.ranges, places={}))


def _leave_in_order(
    run: Run, held: Mapping[str, Severity], ranges: Ranges, report: Kept
) -> None:
    rules = statements_digest("audits")
    path = working_file(run.data)
    with path.open("rb") as file:
        checkpoint = checkpoint_of(file)
    known = _Known(stamp(path), rules, held, ranges, checkpoint, report)
    checked = {"run": str(run.run_id), **asdict(known)}
    _checked_file(run).write_text(json.dumps(checked), encoding="utf-8")


def _checked_file(run: Run) -> Path:
    return working_file(run.data).with_name(CHECKED)


def _audit(run: Run, known: _Known) -> dict[str, Severity]:
    """Hold all rules, and return those that held, with their severity."""
    is_known = known.rules == statements_digest("audits") and not run.job.full
    held = known.held if is_known else {}
    also = [_reconciled(run), _missing_images(run), _damaged_captures(run)]
    audits = run.warehouse.audits.audit(
        run.run_id, also=also, held=held, since=run.moment, everything=run.job.full
    )
    broken = [audit for audit in audits if audit.failed_rows]
    run.audits = {audit.name: audit.failed_rows for audit in broken}
    for audit in broken:
        run.say(f"{audit.severity}: {_told(audit)}")
    if errors := [audit for audit in broken if audit.severity == "error"]:
        rules = "; ".join(map(_told, errors))
        msg = f"the warehouse breaks its own rules, nothing was published: {rules}"
        raise AuditError(msg)
    return {audit.name: audit.severity for audit in audits if not audit.failed_rows}


def _told(audit: Audit) -> str:
    return f"{audit.name} ({audit.failed_rows}: {audit.detail})"


def _reconciled(run: Run) -> Audit:
    """Check that each file and each address that was due has one fate."""
    # Of a source that was read in part, some files have theirs; not every run reads.
    is_whole = run.counts["files"] and not run.unread
    loaded = run.warehouse.audits.loaded_files(run.moment) if is_whole else None
    wrong = disagreements(run.counts, loaded)
    return Audit("counts_that_differ", "warning", len(wrong), ", ".join(wrong))


def disagreements(count: Mapping[str, int], loaded: int | None) -> list[str]:
    """Return in words which counts of a run do not add up.

    *loaded* are the articles that the warehouse holds of the sources that were read.
    """
    fates = {
        "files": count["loaded"] + count["unchanged"] + count["rejected"],
        "urls_due": count["captured"] + count["failed"] + count["deferred"],
        "images_due": count["images_cached"]
        + count["images_failed"]
        + count["images_deferred"],
    }
    wrong = [f"{count[n]} {n}, {fates[n]} fates" for n in fates if count[n] != fates[n]]
    told = count["loaded"] + count["unchanged"]
    if loaded is not None and told != loaded:
        wrong.append(f"{told} loaded or unchanged, {loaded} in the warehouse")
    return wrong


def _missing_images(run: Run) -> Audit:
    """Check that every file is there that a cached image names."""
    missing = missing_files(run.data, run.warehouse.images.named_images())
    return _of_files("images_without_file", missing, "wirehouse images --verify")


def _damaged_captures(run: Run) -> Audit:
    """Check of a few captures, other ones in each run, that their bodies are whole."""
    captures = run.warehouse.pages.sampled_captures(SAMPLED_CAPTURES, seed=run.number)
    damaged = damaged_captures(run.data / "captures", captures) if captures else []
    return _of_files("captures_damaged", damaged, "wirehouse verify")


def _of_files(name: str, found: Sequence[str], mend: str) -> Audit:
    """Warn of *found*; the rows are right, and `mend` is a command about the files."""
    told = ", ".join(found[:3])
    return Audit(name, "warning", len(found), f"{told}; see `{mend}`" if told else "")


def _swap_copy(run: Run, published: Path, known: _Known) -> tuple[Ranges, Kept]:
    """Copy the working file, and rename the copy once it is on the disk.

    Parquet and report are written meanwhile, from the working file, which is closed
    then: what is published is never opened by a run, so no reader of it, not even one
    who writes, and no run wait for another. Returns what is known of the tables in
    Parquet, and what is kept of the report.
    """
    fresh = published.with_name(f".{published.name}.new")
    changed = run.warehouse.written
    try:
        with _copying(working_file(run.data), fresh) as file:
            if checkpoint_of(file) != known.checkpoint + 1 or run.job.full:
                known = _without_places(known)
            with run.warehouse.exported() as warehouse:
                with warehouse.frugal():
                    ranges = _write_parquet(warehouse, run, known)
                target = run.data / "report.html"
                report = write_report(warehouse, target, known.report, changed)
            run.warehouse.close()
        fresh.replace(published)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    sync_folder(published.parent)
    return ranges, report


@contextmanager
def _copying(source: Path, target: Path) -> Iterator[BinaryIO]:
    """Copy a file to the disk while somebody reads it, and closes it.

    It is open here until then: where a program closes a file, DuckDB's lock on it is
    gone. Copying ends early where the reader is stopped. Raises what copying raised.
    """
    errors: list[Exception] = []
    stopped = Event()
    # A thread that a signal keeps from being joined counts as ended, to older Pythons.
    ended = Event()

    def copy() -> None:
        try:
            copy_bytes(read, write, stopped=stopped)
            if not stopped.is_set():
                sync_file(target)
        except Exception as error:  # noqa: BLE001 - raised where it concerns
            errors.append(error)
        finally:
            ended.set()

    with source.open("rb") as read, target.open("wb") as write:
        Thread(target=copy).start()
        try:
            yield read
            ended.wait()
        except BaseException:
            stopped.set()
            raise
        finally:
            ended.wait()
    if errors:  # a file system tells of one once: who asks again hears of none
        raise errors[0]


def _write_parquet(warehouse: Published, run: Run, known: _Known) -> Ranges:
    """Bring one folder a table up to date, each swapped whole; return what it holds.

    A large table has a file for each range of its rows. What holds the very same rows
    is kept. That is told by the digests beside them: what a killed run changed is not
    known. Only where the run before this one left all in order, nothing is asked of
    tables that no run changed since, nor of ranges of the others that lie where they
    lay, and the digest of a small one is no more than which run last changed it.
    """
    ranges = warehouse.ranges.look(
        known.ranges, changed=run.warehouse.written, said=f"run {run.run_id}"
    )
    folders = run.data / PARQUET
    held = {name: _read_digests(folders / name) for name in ranges.rows}
    changed = [name for name, rows in ranges.rows.items() if held[name] != rows]

    def write(name: str, warehouse: Published) -> None:
        _write_folder(warehouse, folders / name, ranges.rows[name], held[name])

    if warehouse.is_heavy:
        for name in changed:
            write(name, warehouse)
    else:
        _write_side_by_side(warehouse, changed, write)
    return ranges


def _write_side_by_side(
    warehouse: Published,
    names: list[str],
    write: Callable[[str, Published], None],
) -> None:
    """Write the folders of light tables in a few threads; raise what one raised.

    Each waits for the disk twice, and the largest takes as long as all others.
    """
    left = iter(names)  # of a list: each is taken by one thread
    errors: list[Exception] = []
    begun, stopped = Event(), Event()
    ended = [Event() for _ in range(WRITERS)]

    def work(until: Event) -> None:
        try:
            begun.wait()
            if stopped.is_set():
                return
            with warehouse.beside() as connection:
                for name in left:
                    if stopped.is_set():
                        return
                    write(name, connection)
        except Exception as error:  # noqa: BLE001 - raised where it concerns
            errors.append(error)
            stopped.set()
        finally:
            until.set()

    try:
        for until in ended:
            Thread(target=work, args=(until,)).start()
        _wait_for(ended, begun, stopped)
    except BaseException:
        stopped.set()  # a signal before they began: they never do
        raise
    finally:
        begun.set()
    if errors:
        raise errors[0]


def _wait_for(ended: list[Event], begun: Event, stopped: Event) -> None:
    """Let them begin, and return when all *ended*: nobody closes the file until then.

    A signal that comes meanwhile, or several, sets *stopped* and is raised then.
    """
    signals: list[BaseException] = []
    for until in ended:
        while not until.is_set():
            try:
                begun.set()
                until.wait()
            except BaseException as error:  # noqa: BLE001 - raised below
                stopped.set()
                signals.append(error)
    if signals:
        raise signals[0]


def _write_folder(
    warehouse: Published,
    target: Path,
    digests: Mapping[str, str],
    held: Mapping[str, str],
) -> None:
    """Write the folder of a table beside *target*, and put it there.

    Files have the digest in their names, so that a reader who opens one after another
    meets no two states: the next one is gone rather than another.
    """
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for part, digest in digests.items():
        path = fresh / _file_name(target.name, part, digests)
        if held.get(part) == digest and _is_linked(target / path.name, path):
            continue
        warehouse.ranges.export(target.name, int(part), path)
        sync_file(path)
    (fresh / DIGEST).write_text(json.dumps(digests), encoding="utf-8")
    sync_file(fresh / DIGEST)
    _swap_folder(fresh, target)


def _file_name(table: str, part: str, digests: Mapping[str, str]) -> str:
    if len(digests) == 1:
        return f"{table}.parquet"
    return f"{table}-{int(part):02}-{digests[part]}.parquet"


def _is_linked(source: Path, path: Path) -> bool:
    """Give a file that stays a second name, where the file system can."""
    try:
        path.hardlink_to(source)
    except OSError:
        return False
    return True


def _read_digests(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / DIGEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _swap_folder(fresh: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with suppress(FileNotFoundError):
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
