"""Steps on images: what is due is fetched, checked and kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from tasks.dataurls import decode_data_url
from tasks.due import Try, next_moment
from tasks.imagecache import ImageCache
from tasks.models import (
    CheckedImage,
    DueImage,
    ImageRequest,
    ImageResult,
    Rejection,
    Response,
)
from tasks.rows import image_table, lead_image_table
from tasks.run import Run
from tasks.sandbox import Failure

BATCH_IMAGES = 200  # images per task: some seconds of work
# Hosts under way for each of the requests at once, as for pages.
HOSTS_PER_PLACE = 4
# For answers and verdicts to gather: threads that wake up for each one wait for each
# other. Children have more to do meanwhile.
GATHER_SECONDS = 0.01
# Between two transactions: what is cached is soon to be seen, and is little, since a
# killed run asks again for what no transaction has.
PUT_SECONDS = 1.0
PUT_IMAGES = 64

# What came of asking: a response, the content of a data: address, or why it has none.
Answer = Response | bytes | str
Verdict = CheckedImage | Rejection | Failure


def due_images(run: Run) -> list[list[DueImage]]:
    """Return the images that are due, in batches; those that pages show are among them.

    That pages show them is found here, not where pages are read: so nothing is missed,
    whenever a run was killed.
    """
    note_lead_images(run)
    images = run.warehouse.images.due_images(
        run.moment,
        include_related=run.settings.fetch.include_related,
        retry_failed=run.job.retry_failed,
    )
    run.counts["images_due"] += len(images)
    run.counts["images_deferred"] += len(images)  # until it is known how they ended
    run.say(f"{len(images):,} images are due")
    run.begin("fetching images", len(images))
    starts = range(0, len(images), BATCH_IMAGES)
    return [images[start : start + BATCH_IMAGES] for start in starts]


def note_lead_images(run: Run) -> None:
    """Make rows of the images that pages show."""
    if urls := run.warehouse.images.unknown_lead_images():
        run.warehouse.images.put_lead_images(lead_image_table(urls), run.moment)


def fetch_images(run: Run, images: Sequence[DueImage]) -> None:
    """Ask for a batch of images, until there is room for more hosts.

    What is still under way goes on while the next batches run; `finish_images` waits.
    """
    if any(image.path is None for image in images):
        run.start_image_checker()  # which takes as long as opening the network
    _imaging(run).begin(images)


def finish_images(run: Run) -> None:
    """Wait for all that is still under way, and put it on record."""
    if not isinstance(run.under_way, Imaging):
        return
    run.under_way.finish()
    run.under_way = None
    run.captures.close()
    fates = {"cached": "cached", "failed": "failed or rejected", "deferred": "deferred"}
    told = (f"{run.counts[f'images_{n}']:,} {words}" for n, words in fates.items())
    run.say(f"images: {', '.join(told)}")


class Imaging:
    """Images that were asked for and are not on record yet; for the run's thread alone.

    While the network fetches, child processes check what came, and threads write the
    good ones; each is on the disk before a row names it.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._fetcher = run.fetcher
        self._cache = ImageCache(run.data)
        self._asked: dict[UUID, DueImage] = {}
        self._checking = 0  # images that the child processes have
        self._results: list[ImageResult] = []  # not yet on record
        self._put_at = time.monotonic()

    def begin(self, images: Sequence[DueImage]) -> None:
        """Ask for *images*; return when there is room for more hosts."""
        from tasks.web.pages import image_job  # noqa: PLC0415 - nothing due, no import

        limits = self._run.settings.images
        jobs = []
        for image in images:
            if image.url[:5].lower() == "data:":
                self._take(image, _inline(image.url))
                continue
            self._asked[image.image_id] = image
            request = _image_request(self._run, image)
            jobs.append(image_job(request, limits.max_bytes, self._keep))
        self._fetcher.begin(jobs)
        most = HOSTS_PER_PLACE * self._run.settings.fetch.concurrency
        self._hand_on(0.0)
        while self._fetcher.busy_hosts >= most:
            self._hand_on(PUT_SECONDS)

    def finish(self) -> None:
        """Wait until nothing is under way, and put all of it on record."""
        while self._fetcher.under_way or self._checking:
            self._hand_on(PUT_SECONDS)
        self._put()
        self._run.note_rests()
        self._cache.close()
        for rest, count in self._fetcher.take_deferred().items():
            self._run.say(f"{rest.reason}; {count:,} images deferred")

    def stop(self) -> None:
        """Ask for nothing more; put on record what is kept already."""
        self._fetcher.close()
        with suppress(Exception):  # the run ends for another reason, which is told
            self._put()
            self._run.note_rests()
        self._cache.close()

    def _keep(self, request: ImageRequest, response: Response) -> None:
        self._take(self._asked.pop(request.image_id), response)

    def _take(self, image: DueImage, answer: Answer) -> None:
        """Have an image that came checked; nothing else needs to be."""
        content = _content(answer)
        if content is None:
            self._note(_answered(self._run, image, answer))
            return
        from tasks.web.pages import IMAGE_BYTES  # noqa: PLC0415 - as above

        self._checking += 1
        size = max(IMAGE_BYTES, len(content))
        self._fetcher.hold(size)
        # In no circle: nobody would look for the content's memory for long.
        check = partial(self._checked, image, answer, content, size)
        self._run.image_checker.begin(content).add_done_callback(
            lambda verdict: self._fetcher.post(partial(check, verdict))
        )

    def _checked(
        self,
        image: DueImage,
        answer: Answer,
        content: bytes,
        size: int,
        verdict: Future[Verdict],
    ) -> None:
        """Keep an image that is good."""
        self._checking -= 1
        self._fetcher.hold(-size)
        result = _answered(self._run, image, answer)
        self._note(_kept(self._cache, result, content, verdict.result()))

    def _note(self, result: ImageResult) -> None:
        self._results.append(result)
        self._run.advance()

    def _hand_on(self, seconds: float) -> None:
        self._fetcher.hand_on(seconds)
        if seconds:
            time.sleep(GATHER_SECONDS)
        now = time.monotonic()
        is_time = now - self._put_at >= PUT_SECONDS
        if is_time or len(self._results) >= PUT_IMAGES:
            self._put()
            self._run.note_rests()
            self._put_at = now

    def _put(self) -> None:
        """Put what is known on record, once it is on the disk, too."""
        if not self._results:
            return
        self._cache.settle()
        self._run.captures.note_images(self._results)
        self._run.captures.flush()
        self._run.warehouse.images.put_images(image_table(self._results))
        self._run.captures.settle()
        cached = sum(result.status == "cached" for result in self._results)
        self._run.counts["images_cached"] += cached
        self._run.counts["images_failed"] += len(self._results) - cached
        self._run.counts["images_deferred"] -= len(self._results)
        self._results.clear()


def _imaging(run: Run) -> Imaging:
    if not isinstance(run.under_way, Imaging):
        run.under_way = Imaging(run)
    return run.under_way


def _inline(url: str) -> bytes | str:
    try:
        return decode_data_url(url)
    except ValueError as error:
        return str(error)


def _image_request(run: Run, image: DueImage) -> ImageRequest:
    """Ask with validators only while the copy that they speak of is there."""
    if image.path is None or not (run.data / image.path).is_file():
        return ImageRequest(image.image_id, image.url)
    return ImageRequest(image.image_id, image.url, image.etag, image.last_modified)


def _content(answer: Answer) -> bytes | None:
    if isinstance(answer, Response):
        return answer.body if answer.outcome == "ok" else None
    return answer if isinstance(answer, bytes) else None


def _kept(
    cache: ImageCache, result: ImageResult, content: bytes, verdict: Verdict
) -> ImageResult:
    if not isinstance(verdict, CheckedImage):
        return replace(result, status="rejected", reason=verdict.reason)
    path, thumbnail_path = cache.keep(content, verdict)
    return replace(
        result,
        status="cached",
        reason="",
        failures=0,
        image=verdict,
        path=path,
        thumbnail_path=thumbnail_path,
    )


def _answered(run: Run, image: DueImage, answer: Answer) -> ImageResult:
    """Say how the asking ended; an image that came has failed until it is checked."""
    if not isinstance(answer, Response):
        return ImageResult(
            image_id=image.image_id,
            url=image.url,
            status="failed",
            reason=answer if isinstance(answer, str) else "",
            checked_at=run.moment,
            next_check_at=_due_at(run, image, Try("ok")),
            failures=image.failures + 1,
        )
    from tasks.web.answers import header, retry_at  # noqa: PLC0415 - as above

    wanted = retry_at(answer, run.moment)
    tried = Try(
        answer.outcome,
        answer.status_code,
        answer.reason,
        not_before=wanted,
        is_online=run.fetcher.is_answered,
    )
    is_unchanged = answer.outcome == "not_modified"
    return ImageResult(
        image_id=image.image_id,
        url=image.url,
        status="cached" if is_unchanged else "failed",
        reason="" if is_unchanged else answer.reason,
        checked_at=run.moment,
        next_check_at=_due_at(run, image, tried),
        failures=0 if is_unchanged else image.failures + 1,
        etag=header(answer.headers, "etag") or None,
        last_modified=header(answer.headers, "last-modified") or None,
    )


def _due_at(run: Run, image: DueImage, tried: Try) -> datetime:
    days = run.settings.images.recheck_after_days
    return next_moment(
        [tried],
        key=image.image_id,
        failures=image.failures,
        moment=run.moment,
        usual_days=days,
        longest_days=days,
    )
