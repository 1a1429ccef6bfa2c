"""Steps on pages: what is due is fetched, captured, read and linked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from tasks.captures import DAMAGED
from tasks.due import Try, by_host, is_captured, next_moment, page_request
from tasks.models import (
    Capture,
    DueExtraction,
    DuePage,
    KeptCapture,
    Page,
    PageRequest,
    Rejection,
    Response,
    Via,
    WarcPlace,
)
from tasks.rows import capture_table, page_tables, rejection_table
from tasks.run import Run
from tasks.sandbox import Failure
from tasks.stages.captures import lose_damaged
from tasks.urls import canonical_key, identify, url_key
from tasks.web.answers import header, retry_at
from tasks.web.pages import page_job

# Hosts under way for each of the requests at once: most of them pause after a request,
# so that their places are free most of the time.
HOSTS_PER_PLACE = 4
# Failed pages from which on it is worth a word that not one host answered.
MANY_SILENT = 5
PUT_SECONDS = 1.0  # between two transactions: what is captured is soon to be seen
# Rows that DuckDB holds in memory, at 5 KB each, until a checkpoint packs them into the
# file: two of its groups of rows.
PACK_ROWS = 4_096
BATCH_EXTRACTIONS = 200  # captures per task: some seconds of work


def due_pages(run: Run) -> list[list[DuePage]]:
    """Return the pages that are due, in batches, a host's pages side by side."""
    fetch = run.settings.fetch
    pages = run.warehouse.pages.due_pages(
        run.moment,
        include_related=fetch.include_related,
        retry_failed=run.job.retry_failed,
    )
    run.counts["urls_due"] += len(pages)
    run.counts["deferred"] += len(pages)
    run.say(f"{len(pages):,} pages are due")
    run.begin("fetching pages", len(pages))
    return by_host(pages, fetch.batch_size)


def fetch_pages(run: Run, pages: Sequence[DuePage]) -> None:
    """Ask for a batch of pages, until there is room for more hosts.

    So a batch does not wait for its slowest host: what is still under way goes on while
    the next ones run, and `finish_pages` waits for the last.
    """
    _fetching(run).begin(pages)


def finish_pages(run: Run) -> None:
    """Wait for all that is still under way, and close the books of fetching."""
    if run.under_way is None:
        return
    _fetching(run).finish()
    run.captures.close()
    counts = run.counts
    words = ("captured", "failed", "deferred")
    run.say("pages: " + ", ".join(f"{counts[word]:,} {word}" for word in words))
    if counts["failed"] >= MANY_SILENT and not run.fetcher.is_answered:
        run.say("not one host answered: is this machine online? All are due again soon")


def due_extractions(run: Run, *, everything: bool = False) -> list[list[DueExtraction]]:
    """Return the captures to read, in batches.

    With *everything*, also those that were read before; if that was stopped, those that
    it left.
    """
    since = run.warehouse.pages.begin_rereading(run.moment) if everything else None
    due = run.warehouse.pages.due_extractions(since)
    if since and since < run.moment:
        run.say(
            f"going on with what began at {since:%Y-%m-%d %H:%M} UTC:"
            f" {len(due):,} captures are left to read again"
        )
    run.begin("reading pages", len(due))
    starts = range(0, len(due), BATCH_EXTRACTIONS)
    return [due[start : start + BATCH_EXTRACTIONS] for start in starts]


def read_pages(run: Run, captures: Sequence[DueExtraction]) -> None:
    """Read a batch of captures, each in a child process, and load the pages.

    A page whose capture is damaged is due again.
    """
    results = run.page_reader.run(captures)
    pages: list[tuple[UUID, UUID, Page, str | None, list[str]]] = []
    rejections: list[Rejection] = []
    rejected: list[UUID] = []  # the captures that they concern
    unreadable: list[KeptCapture] = []
    for due, result in zip(captures, results, strict=True):
        run.advance()
        if isinstance(result, Page):
            keys = [url_key(link.url) for link in result.links]
            canonical = canonical_key(result.canonical_url or "", due.url)
            pages.append((due.article_id, due.capture_id, result, canonical, keys))
        else:
            rejections.append(_rejected(result, due.url))
            rejected.append(due.capture_id)
            if result.reason == DAMAGED:
                place = WarcPlace(due.warc_file, due.warc_offset, due.warc_length)
                unreadable.append(KeptCapture(due.capture_id, due.url, place))
    run.warehouse.pages.put_pages(page_tables(pages), run.moment)
    books = {"batch_rejections": rejection_table(rejections, rejected)}
    with run.warehouse.batch(books):
        run.warehouse.put_rejections(run.run_id)
    if unreadable:
        lose_damaged(run, unreadable)
    run.counts["pages"] += len(pages)
    run.say(f"{len(captures):,} captures read, {len(pages):,} pages")


def end_rereading(run: Run) -> None:
    """Note that all captures were read again."""
    run.warehouse.pages.end_rereading()


def link_pages(run: Run) -> None:
    """Make edges of the links between articles, and of those that are one."""
    run.warehouse.pages.put_link_edges(run.moment)
    run.warehouse.pages.put_duplicate_edges(run.moment)


class Fetching:
    """Pages that were asked for and are not on record yet; for the run's thread alone.

    A page is kept whole: its responses as they come, its rows once all of its tries are
    known. Until then it counts as deferred.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._fetcher = run.fetcher
        self._tries: dict[UUID, list[Capture]] = {}  # so far, of pages under way
        self._done: dict[UUID, list[Capture]] = {}  # whose rows are not on record
        self._put_at = time.monotonic()
        self._loose = 0  # rows on record that no checkpoint has packed
        # Whose answer is being written, and how.
        self._in_hand: tuple[PageRequest, Callable[[], Capture]] | None = None
        self._ending: PageRequest | None = None  # whose rows are being written
        self._lost: UUID | None = None  # one of whose answers was not

    def begin(self, pages: Sequence[DuePage]) -> None:
        """Ask for *pages*; return when there is room for more hosts."""
        fetch = self._run.settings.fetch
        keep, end = self._keep, self._end  # the same two for all of them
        requests = [page_request(page, fetch) for page in pages]
        self._fetcher.begin([page_job(each, fetch, keep, end) for each in requests])
        most = HOSTS_PER_PLACE * fetch.concurrency
        self._hand_on(0.0)
        while self._fetcher.busy_hosts >= most:
            self._hand_on(PUT_SECONDS)

    def finish(self) -> None:
        """Wait until nothing is under way, and put all of it on record."""
        while self._fetcher.under_way:
            self._hand_on(PUT_SECONDS)
        self._put()
        self._run.note_rests()
        for rest, count in self._fetcher.take_deferred().items():
            self._run.say(f"{rest.reason}; {count:,} pages deferred")

    def stop(self) -> None:
        """Ask for nothing more; keep what has answered, as far as that can be done."""
        self._fetcher.close()
        # What cannot be kept now is still marked as open, or asked for again.
        # Whatever it is, the run ends for another reason, which is to be told.
        with suppress(Exception):
            self._write_again()
        with suppress(Exception):
            if self._ending is not None:
                self._note(self._ending)
            self._fetcher.hand_on(0.0)
        with suppress(Exception):
            self._put()
            self._run.note_rests()

    def _write_again(self) -> None:
        """Write the answer that was being written when the run was interrupted."""
        if self._in_hand is None:
            return
        request, write = self._in_hand
        self._lost = request.article_id  # until it is written
        tries = self._tries.pop(request.article_id, [])
        if not tries or tries[-1].attempt != request.attempt:
            tries.append(write())
        self._tries[request.article_id] = tries
        self._lost = None

    def _hand_on(self, seconds: float) -> None:
        self._fetcher.hand_on(seconds)
        now = time.monotonic()
        if now - self._put_at >= PUT_SECONDS:
            self._put()
            self._run.note_rests()
            self._put_at = now

    def _keep(
        self,
        request: PageRequest,
        via: Via,
        url: str,
        moment: datetime,
        response: Response,
    ) -> None:
        if request.article_id == self._lost:
            return
        write = partial(_capture, self._run, request, via, url, moment, response)
        self._in_hand = request, write
        self._tries.setdefault(request.article_id, []).append(write())
        self._in_hand = None

    def _end(self, request: PageRequest) -> None:
        """Note a page whose tries are all known; one without any was not asked for."""
        self._run.advance()
        self._ending = request
        self._note(request)
        self._ending = None

    def _note(self, request: PageRequest) -> None:
        """Write a page's rows; again if that was interrupted, wherever it was."""
        tries = self._tries.get(request.article_id)
        if not tries:
            return
        due_at = _due_at(tries, request.failures, self._run)
        rows = [replace(capture, next_fetch_at=due_at) for capture in tries]
        self._done[request.article_id] = rows
        self._run.captures.note(rows)
        del self._tries[request.article_id]

    def _put(self) -> None:
        """Put what is done on record, once it is on the disk."""
        if not self._done:
            return
        self._run.captures.flush()
        rows = [capture for tries in self._done.values() for capture in tries]
        self._run.warehouse.pages.put_captures(capture_table(rows))
        self._run.captures.settle()
        self._loose += len(rows)
        if self._loose >= PACK_ROWS:
            self._run.warehouse.checkpoint()
            self._loose = 0
        counted, self._done = self._done, {}  # none twice, whatever interrupts
        _count_pages(self._run, counted.values())


def _fetching(run: Run) -> Fetching:
    if not isinstance(run.under_way, Fetching):
        run.under_way = Fetching(run)
    return run.under_way


def _capture(
    run: Run,
    request: PageRequest,
    via: Via,
    url: str,
    moment: datetime,
    response: Response,
) -> Capture:
    """Write an answer to the WARC and make its row."""
    has_body = response.outcome == "ok"
    number = str(request.attempt)
    return Capture(
        capture_id=identify("capture", str(request.article_id), via, number),
        article_id=request.article_id,
        url=url,
        via=via,
        attempt=request.attempt,
        requested_at=moment,
        final_url=response.final_url,
        status_code=response.status_code,
        outcome=response.outcome,
        reason=response.reason,
        elapsed_ms=response.elapsed_ms,
        content_type=header(response.headers, "content-type") or None,
        etag=header(response.headers, "etag") or None,
        last_modified=header(response.headers, "last-modified") or None,
        body_sha256=hashlib.sha256(response.body).hexdigest() if has_body else None,
        body_bytes=len(response.body) if has_body else None,
        place=run.captures.write(response),
        next_fetch_at=retry_at(response, moment) or run.moment,
    )


def _due_at(captures: list[Capture], failures: int, run: Run) -> datetime:
    fetch = run.settings.fetch
    is_online = run.fetcher.is_answered
    return next_moment(
        [
            Try(c.outcome, c.status_code, c.reason, c.via, c.next_fetch_at, is_online)
            for c in captures
        ],
        key=captures[0].article_id,
        failures=failures,
        moment=run.moment,
        usual_days=fetch.refetch_after_days,
        longest_days=fetch.longest_wait_days,
    )


def _count_pages(run: Run, pages: Iterable[list[Capture]]) -> None:
    for captures in pages:
        got = is_captured(capture.outcome for capture in captures)
        run.counts["captured" if got else "failed"] += 1
        run.counts["deferred"] -= 1


def _rejected(result: Rejection | Failure, subject: str) -> Rejection:
    if isinstance(result, Failure):
        return Rejection("page", subject, result.reason)
    return replace(result, stage="page", subject=subject)
