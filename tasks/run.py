"""A run under way: what it was asked for, what it holds open and what it counts."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID, uuid4

from tasks.clock import is_jump, moment_after
from tasks.files import OPEN, stamp
from tasks.lock import hold_lock
from tasks.settings import Settings
from tasks.snapshots import last_published
from tasks.sources.opened import OpenSource
from tasks.values import dataclass
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.working import Warehouse, open_warehouse
from tasks.witness import Witness

if TYPE_CHECKING:
    from tasks.captures import CaptureWriter
    from tasks.history import VersionReader
    from tasks.models import CheckedImage, DueExtraction, Page, Rejection
    from tasks.sandbox import Sandbox
    from tasks.web.fetcher import Fetcher

PARQUET = "parquet"  # the folder of all tables in that format
VERSION = "0.1.0"  # of Wirehouse; pyproject.toml reads it here
# The summary's numbers, in the order in which they are told.
COUNTS = (
    "sources_unread",
    "files",
    "loaded",
    "unchanged",
    "rejected",
    "removed",
    "related_entries",
    "by_pyyaml",
    "in_sandbox",
    "versions",
    "versions_rejected",
    "urls_due",
    "captured",
    "failed",
    "deferred",
    "pages",
    "images_due",
    "images_cached",
    "images_failed",
    "images_deferred",
    "verified",
    "damaged",
)
# Objects that come to live between two searches for cycles. Python's 700 are what two
# pages under way hold: a tenth of the CPU of fetching was spent on finding no cycle.
COLLECT_AFTER = 10_000
Say = Callable[[str], None]
# Takes the word for a stage, how much of it is done, and how much there is to do.
Progress = Callable[[str, int, int], None]


class UnderWay(Protocol):
    """Work of a run that goes on between its steps."""

    def stop(self) -> None:
        """Keep what there is, and let go of the rest."""


def _unseen(stage: str, done: int, total: int) -> None:
    """Show nobody how far a stage is."""


class BrokenError(Exception):
    """A run that cannot begin or go on: one line on what and what to do."""


class IncompleteError(Exception):
    """A run that could not read all of its sources: a line for each.

    *summary* is what the run did apart from that; None if it did nothing.
    """

    def __init__(
        self, lines: Sequence[str], summary: dict[str, Any] | None = None
    ) -> None:
        super().__init__("; ".join(lines))
        self.summary = summary


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do, and when.

    *say* takes a line for whoever watches; *progress* is told of each file, page and
    image, so it must be quick. With *rebuild* the working file is made anew, with
    *bare* without what only published states remember.
    """

    settings: Settings
    full: bool = False
    retry_failed: bool = False
    rebuild: bool = False
    bare: bool = False
    with_pages: bool = True
    with_images: bool = True
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    flow_run_id: UUID | None = None
    say: Say = print
    progress: Progress = _unseen


class Run:
    """One run, from the lock to the published file; steps hand it on to each other."""

    def __init__(self, job: Job, warehouse: Warehouse, found: Sequence[int]) -> None:
        self.job = job
        self.found = found  # the stamp of the working file before it was opened
        self.settings = job.settings
        self.data = job.settings.data
        self.run_id = uuid4()
        self.warehouse = warehouse
        last = warehouse.last_moment()
        self.moment = moment_after(job.moment, last)
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
        self.status = "running"
        self._started = time.monotonic()
        self._stage, self._done, self._total = "", 0, 0
        self._captures: CaptureWriter | None = None
        self._fetcher: Fetcher | None = None
        self._page_reader: Sandbox[DueExtraction, Page | Rejection] | None = None
        self._image_checker: Sandbox[bytes, CheckedImage | Rejection] | None = None
        self.under_way: UnderWay | None = None
        self.opened: dict[UUID, OpenSource] = {}  # from their listing to their end
        self.unread: list[str] = []  # a line for each source that could not be read
        self.audits: dict[str, int] = {}  # rules that do not hold, with their rows
        self.number = warehouse.begin_run(
            self.run_id, self.moment, VERSION, published=last_published(self.data)
        )
        self.before = warehouse.run_before(self.number)
        if last is not None and is_jump(self.moment, last):
            self._spread_due(last)
        if job.flow_run_id is not None:
            warehouse.name_flow_run(self.run_id, job.flow_run_id)

    @cached_property
    def versions(self) -> VersionReader:
        """What reads the versions of git sources."""
        from tasks.history import VersionReader  # noqa: PLC0415 - none, no import

        return VersionReader()

    @property
    def captures(self) -> CaptureWriter:
        """The WARC file of this run, begun by the first capture."""
        if self._captures is None:
            from tasks.captures import CaptureWriter  # noqa: PLC0415 - none, no import

            name = f"wirehouse-{self.moment:%Y%m%dT%H%M%SZ}-{self.number:06}"
            self._captures = CaptureWriter(self.data / "captures", name)
        return self._captures

    @property
    def fetcher(self) -> Fetcher:
        """The network of this run, opened by the first who asks for something."""
        if self._fetcher is None:
            from tasks.web.fetcher import Fetcher  # noqa: PLC0415 - none, no import

            rests = self.warehouse.pages.resting_hosts(self.moment)
            self._fetcher = Fetcher(self.settings.fetch, rests=rests)
        return self._fetcher

    def note_rests(self) -> None:
        """Put on record which hosts asked for a rest."""
        if rests := self.fetcher.take_rests():
            from tasks.rows import rest_table  # noqa: PLC0415 - none, no import

            days = self.settings.fetch.longest_wait_days
            latest = self.moment + timedelta(days=days)
            self.warehouse.pages.put_resting_hosts(rest_table(rests, latest))

    @property
    def page_reader(self) -> Sandbox[DueExtraction, Page | Rejection]:
        """The child processes that read pages, started by the first capture."""
        if self._page_reader is None:
            from tasks.extraction import extract_page  # noqa: PLC0415 - none, no import
            from tasks.sandbox import Sandbox  # noqa: PLC0415

            limits = self.settings.pages
            self._page_reader = Sandbox(
                partial(extract_page, self.data / "captures"),
                seconds=limits.seconds,
                memory_bytes=limits.memory_bytes,
                workers=limits.workers,
            )
        return self._page_reader

    @property
    def image_checker(self) -> Sandbox[bytes, CheckedImage | Rejection]:
        """The child processes that check images, started by whoever asks first."""
        if self._image_checker is None:
            from tasks.images import check_image  # noqa: PLC0415 - none, no import
            from tasks.sandbox import Sandbox  # noqa: PLC0415

            limits = self.settings.images
            check = partial(
                check_image,
                max_pixels=limits.max_pixels,
                thumbnail_pixels=limits.thumbnail_pixels,
            )
            self._image_checker = Sandbox(
                check,
                seconds=limits.seconds,
                memory_bytes=limits.memory_bytes,
                workers=limits.workers,
            )
        return self._image_checker

    def start_image_checker(self) -> None:
        """Start what will be waited for soon."""
        _ = self.image_checker

    def adopt_captures(self) -> None:
        """Put on record what a killed run captured and could not put there."""
        found = sorted((self.data / "captures").glob(f"*{OPEN}"))
        if found:
            from tasks.adoption import adopt_file  # noqa: PLC0415 - none, no import

            for path in found:
                self.say(adopt_file(path, self.warehouse))

    def _spread_due(self, last: datetime) -> None:
        """After a jump of the clock, ask for nothing in a storm, and not in years."""
        from tasks.due import SPREAD  # noqa: PLC0415 - hardly ever

        fetch, images = self.settings.fetch, self.settings.images
        longest = max(fetch.refetch_after_days, fetch.longest_wait_days)
        self.warehouse.spread_due(
            self.moment,
            self.moment + timedelta(days=longest * (1 + SPREAD)),
            page_days=fetch.refetch_after_days,
            image_days=images.recheck_after_days,
        )
        self.say(
            f"the last run was on {last:%Y-%m-%d}, by its clock, and now it is"
            f" {self.moment:%Y-%m-%d}: what is due again is spread over"
            f" {fetch.refetch_after_days:g} days"
        )

    def say(self, line: str) -> None:
        """Tell whoever watches one fact."""
        self.job.say(line)

    def begin(self, stage: str, total: int) -> None:
        """Tell whoever watches what is done now, and how much of it there is."""
        self._stage, self._done, self._total = stage, 0, total
        self.job.progress(stage, 0, total)

    def advance(self, count: int = 1) -> None:
        """Tell whoever watches that so much more is done."""
        if not count:
            return
        self._done += count
        self.job.progress(self._stage, self._done, self._total)

    def summary(self) -> dict[str, Any]:
        """Return what the run did so far, as `--json` prints it."""
        seconds = round(time.monotonic() - self._started, 2)
        return {
            "run_id": str(self.run_id),
            "status": self.status,
            **{name: self.counts[name] for name in COUNTS},
            "seconds": seconds,
            "unread": self.unread,
            "audits": self.audits,
        }

    def finish(self, status: str) -> None:
        """Close the books; the warehouse stays open until the run is left."""
        self.status = status
        self._put_books(status, self.summary())

    def close_books(self) -> None:
        """Close the books of a run that has done its work and is to be published.

        They say how it ends then; if it is not, the next run notes it there.
        """
        self._put_books(self._ending, {**self.summary(), "status": self._ending})
        self.status = "unpublished"

    def is_published(self) -> None:
        """Count the run as ended: all can see what it did."""
        self.status = self._ending

    @property
    def _ending(self) -> str:
        """How the run ends if it is published: it may lack a source."""
        return "incomplete" if self.unread else "complete"

    def _put_books(self, status: str, summary: dict[str, Any]) -> None:
        self.warehouse.finish_run(self.run_id, datetime.now(UTC), status, summary)

    def close(self) -> None:
        """Bring all captures to the disk, and let go of the network and the sources."""
        for opened in self.opened.values():
            opened.close()
        if self._fetcher is not None:
            self._fetcher.close()
        for sandbox in (self._page_reader, self._image_checker):
            if sandbox is not None:
                sandbox.close()
        if self._captures is not None:
            self._captures.close()


@contextmanager
def open_run(job: Job) -> Iterator[Run]:
    """Hold the data directory and the warehouse for one run.

    Raises `LockHeldError` if another run holds them, `WarehouseError` if the file
    cannot be used. A run that is left by an exception is on record as broken.
    """
    path = working_file(job.settings.data)
    with ExitStack() as stack:
        stack.enter_context(_seldom_collected())
        stack.enter_context(hold_lock(job.settings.data, job.moment))
        found = stamp(path)
        warehouse, is_sound = _open_sound(stack, path, job)
        run = Run(job, warehouse, found if is_sound else ())
        stack.callback(run.close)
        try:
            run.adopt_captures()
            yield run
        except BaseException:
            if run.under_way is not None:
                run.under_way.stop()
            if run.status == "running":
                # A warehouse that broke cannot note it; the next run finds it open.
                with suppress(WarehouseError):
                    run.finish("broken")
            raise


@contextmanager
def _seldom_collected() -> Iterator[None]:
    usual = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _open_sound(stack: ExitStack, path: Path, job: Job) -> tuple[Warehouse, bool]:
    """Open the working file if it is what it was, else what takes its place."""
    if Witness(path).find() == "untouched" and not job.rebuild:
        with suppress(WarehouseError):  # which is told below, if it is no damage
            return stack.enter_context(_opened(path, job)), True
    from tasks import adoption, recovery  # noqa: PLC0415 - hardly ever

    data = job.settings.data
    restored = (
        recovery.set_up_again(data, path, job.moment, bare=job.bare)
        if job.rebuild
        else recovery.secure_working_file(data, path, job.moment)
    )
    warehouse = stack.enter_context(_opened(path, job))
    if restored is not None:
        job.say(restored.line)
        for line in adoption.adopt_since(restored.number, data, warehouse):
            job.say(line)
    return warehouse, False


def _opened(path: Path, job: Job) -> AbstractContextManager[Warehouse]:
    exports = job.settings.data / PARQUET
    exports.mkdir(exist_ok=True)
    return open_warehouse(path, job.moment, exports=exports)


def working_file(data: Path) -> Path:
    """Return the private file that only runs open."""
    return data / "warehouse" / "working.duckdb"
