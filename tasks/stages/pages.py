"""Steps on pages: what is due is fetched, captured, read and linked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from tasks.due import Try, by_host, is_captured, next_moment, page_request
from tasks.extraction import extract_page
from tasks.models import (
    Capture,
    DueExtraction,
    DuePage,
    Page,
    PageRequest,
    Rejection,
    Response,
    Via,
)
from tasks.rows import capture_table, page_tables, rejection_table
from tasks.run import Run
from tasks.sandbox import Failure, run_sandboxed
from tasks.urls import canonical_key, identify, url_key
from tasks.web.answers import header, retry_at
from tasks.web.pages import run_fetch_pages

BATCH_EXTRACTIONS = 200  # captures per task: some seconds of work


def due_pages(run: Run) -> list[list[DuePage]]:
    """Return the pages that are due, in batches, a host's pages side by side."""
    fetch = run.settings.fetch
    pages = run.warehouse.due_pages(
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
    """Fetch a batch of pages; what is known when it ends, however it ends, is kept."""
    tries: dict[UUID, list[Capture]] = {}

    def keep(
        request: PageRequest, via: Via, url: str, moment: datetime, response: Response
    ) -> None:
        if request.article_id not in tries:  # its first answer; others may follow
            run.advance()
        capture = _capture(run, request, via, url, moment, response)
        tries.setdefault(request.article_id, []).append(capture)

    requests = [page_request(page, run.settings.fetch) for page in pages]
    try:
        deferred = run_fetch_pages(requests, run.settings.fetch, keep)
    finally:
        run.captures.flush()
        failures = {page.article_id: page.failures for page in pages}
        rows = [
            replace(capture, next_fetch_at=due_at)
            for article_id, captures in tries.items()
            for due_at in [_due_at(captures, failures[article_id], run)]
            for capture in captures
        ]
        run.warehouse.put_captures(capture_table(rows))
        _count_pages(run, tries)
    captured = sum(is_captured(c.outcome for c in found) for found in tries.values())
    for rest, count in deferred.items():
        run.say(f"{rest.reason}; {count:,} pages deferred")
    run.advance(sum(deferred.values()))
    run.say(
        f"{len(pages):,} pages due, {len(tries):,} asked for, {captured:,} captured"
    )


def due_extractions(run: Run, *, everything: bool = False) -> list[list[DueExtraction]]:
    """Return the captures to read, in batches; with *everything*, also those read."""
    due = run.warehouse.due_extractions(everything=everything)
    run.begin("reading pages", len(due))
    starts = range(0, len(due), BATCH_EXTRACTIONS)
    return [due[start : start + BATCH_EXTRACTIONS] for start in starts]


def read_pages(run: Run, captures: Sequence[DueExtraction]) -> None:
    """Read a batch of captures, each in a child process, and load the pages."""
    limits = run.settings.pages
    results = run_sandboxed(
        partial(extract_page, run.data / "captures"),
        captures,
        seconds=limits.seconds,
        memory_bytes=limits.memory_bytes,
        workers=limits.workers,
    )
    pages: list[tuple[UUID, UUID, Page, str | None, list[str]]] = []
    rejections: list[Rejection] = []
    rejected: list[UUID] = []  # the captures that they concern
    for due, result in zip(captures, results, strict=True):
        run.advance()
        if isinstance(result, Page):
            keys = [url_key(link.url) for link in result.links]
            canonical = canonical_key(result.canonical_url or "", due.url)
            pages.append((due.article_id, due.capture_id, result, canonical, keys))
        else:
            rejections.append(_rejected(result, due.url))
            rejected.append(due.capture_id)
    run.warehouse.put_pages(page_tables(pages), run.moment)
    books = {"batch_rejections": rejection_table(rejections, rejected)}
    with run.warehouse.batch(books):
        run.warehouse.put_rejections(run.run_id)
    run.counts["pages"] += len(pages)
    run.say(f"{len(captures):,} captures read, {len(pages):,} pages")


def link_pages(run: Run) -> None:
    """Make edges of the links between articles, and of those that are one."""
    run.warehouse.put_link_edges(run.moment)
    run.warehouse.put_duplicate_edges(run.moment)


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
    return next_moment(
        [
            Try(c.outcome, c.status_code, c.reason, c.via, c.next_fetch_at)
            for c in captures
        ],
        key=captures[0].article_id,
        failures=failures,
        moment=run.moment,
        usual_days=fetch.refetch_after_days,
        longest_days=fetch.longest_wait_days,
    )


def _count_pages(run: Run, tries: dict[UUID, list[Capture]]) -> None:
    for captures in tries.values():
        got = is_captured(capture.outcome for capture in captures)
        run.counts["captured" if got else "failed"] += 1
        run.counts["deferred"] -= 1


def _rejected(result: Rejection | Failure, subject: str) -> Rejection:
    if isinstance(result, Failure):
        return Rejection("page", subject, result.reason)
    return replace(result, stage="page", subject=subject)
