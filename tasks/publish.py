"""What analysts open: a read-only copy, Parquet files and a report, each swapped whole.

Nobody but a run opens the working file. Readers of an older copy keep it: a rename
leaves their file alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq

from tasks.files import sync_folder
from tasks.report import write_report
from tasks.run import Run, working_file
from tasks.warehouse import open_published, table_names

PUBLISHED = "news.duckdb"


class AuditError(Exception):
    """A rule that the warehouse breaks: nothing is published until it holds again."""


def publish(run: Run) -> None:
    """Audit, then put the state of this run in the place of the last one.

    Raises `AuditError` and leaves the published state as it was if a rule is broken.
    The run's books are closed before the copy, so that the copy shows them closed; the
    warehouse is closed with them.
    """
    _audit(run)
    run.finish("complete")
    run.warehouse.checkpoint()
    run.warehouse.close()
    published = run.data / PUBLISHED
    _swap_file(working_file(run.data), published)
    # All of them each time: a killed run may have changed what this one did not.
    _write_parquet(published, run.data / "parquet", table_names(published))
    write_report(published, run.data / "report.html")
    run.say(f"published {published}")


def _audit(run: Run) -> None:
    broken = [audit for audit in run.warehouse.audit(run.run_id) if audit.failed_rows]
    if broken:
        rules = ", ".join(f"{a.name} ({a.failed_rows}: {a.detail})" for a in broken)
        msg = f"the warehouse breaks its own rules, nothing was published: {rules}"
        raise AuditError(msg)


def _swap_file(source: Path, target: Path) -> None:
    """Copy *source* beside *target* and rename it there once it is on the disk."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        shutil.copyfile(source, fresh)
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _write_parquet(published: Path, folder: Path, names: Iterable[str]) -> None:
    """Write one folder a table, each written whole and swapped."""
    folder.mkdir(exist_ok=True)
    with open_published(published) as warehouse:
        for name in names:
            fresh = folder / f".{name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            batches = warehouse.read_table(name)
            with pq.ParquetWriter(
                fresh / f"{name}.parquet", batches.schema, compression="zstd"
            ) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            _swap_folder(fresh, folder / name)


def _swap_folder(fresh: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with suppress(FileNotFoundError):
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
