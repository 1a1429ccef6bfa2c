"""Steps on images: what is due is fetched, checked and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from tasks.due import next_moment
from tasks.images import check_image, decode_data_url, keep_image
from tasks.models import (
    CheckedImage,
    DueImage,
    ImageRequest,
    ImageResult,
    Rejection,
    Response,
)
from tasks.rows import image_table
from tasks.run import Run
from tasks.sandbox import Failure, run_sandboxed
from tasks.web.answers import header
from tasks.web.pages import image_job

BATCH_IMAGES = 50  # images per task: all of them are held in memory at once


def due_images(run: Run) -> list[list[DueImage]]:
    """Return the images that are due, in batches."""
    images = run.warehouse.due_images(
        run.moment,
        include_related=run.settings.fetch.include_related,
        retry_failed=run.job.retry_failed,
    )
    run.counts["images_due"] += len(images)
    run.say(f"{len(images):,} images are due")
    run.begin("fetching images", len(images))
    starts = range(0, len(images), BATCH_IMAGES)
    return [images[start : start + BATCH_IMAGES] for start in starts]


def fetch_images(run: Run, images: Sequence[DueImage]) -> None:
    """Fetch a batch of images, check each in a child process, keep the good ones."""
    answers: dict[UUID, Response | bytes | str] = {}

    def keep(request: ImageRequest, response: Response) -> None:
        answers[request.image_id] = response
        run.advance()

    jobs = []
    limits = run.settings.images
    for image in images:
        if image.url[:5].lower() == "data:":
            answers[image.image_id] = _inline(image.url)
            run.advance()
        else:
            jobs.append(image_job(_image_request(image), limits.max_bytes, keep))
    try:
        run.fetcher.begin(jobs)
        run.fetcher.finish()
    finally:
        results = _image_results(run, images, answers)
        run.warehouse.put_images(image_table(results))
        cached = sum(result.status == "cached" for result in results)
        run.counts["images_cached"] += cached
        run.counts["images_failed"] += len(results) - cached
    run.say(f"{len(images):,} images asked for, {cached:,} cached")


def _inline(url: str) -> bytes | str:
    try:
        return decode_data_url(url)
    except ValueError as error:
        return str(error)


def _image_request(image: DueImage) -> ImageRequest:
    """Ask with validators only while the copy that they speak of is kept."""
    if not image.is_cached:
        return ImageRequest(image.image_id, image.url)
    return ImageRequest(image.image_id, image.url, image.etag, image.last_modified)


def _image_results(
    run: Run, images: Sequence[DueImage], answers: dict[UUID, Response | bytes | str]
) -> list[ImageResult]:
    contents = {
        image_id: answer if isinstance(answer, bytes) else answer.body
        for image_id, answer in answers.items()
        if isinstance(answer, bytes)
        or (isinstance(answer, Response) and answer.outcome == "ok")
    }
    limits = run.settings.images
    checked = run_sandboxed(
        partial(
            check_image,
            max_pixels=limits.max_pixels,
            thumbnail_pixels=limits.thumbnail_pixels,
        ),
        contents.values(),
        seconds=limits.seconds,
        memory_bytes=limits.memory_bytes,
        workers=limits.workers,
    )
    verdicts = dict(zip(contents, checked, strict=True))
    return [
        _image_result(run, image, answers[image.image_id], verdicts, contents)
        for image in images
        if image.image_id in answers
    ]


def _image_result(
    run: Run,
    image: DueImage,
    answer: Response | bytes | str,
    verdicts: dict[UUID, CheckedImage | Rejection | Failure],
    contents: dict[UUID, bytes],
) -> ImageResult:
    result = _answered(run, image, answer)
    verdict = verdicts.get(image.image_id)
    if verdict is None:
        return result
    if not isinstance(verdict, CheckedImage):
        return replace(result, status="rejected", reason=verdict.reason)
    path, thumbnail_path = keep_image(run.data, contents[image.image_id], verdict)
    return replace(
        result,
        status="cached",
        reason="",
        image=verdict,
        path=path,
        thumbnail_path=thumbnail_path,
    )


def _answered(run: Run, image: DueImage, answer: Response | bytes | str) -> ImageResult:
    """Say how the asking ended; an image that came is still to be checked."""
    days = run.settings.images.recheck_after_days
    if not isinstance(answer, Response):
        return ImageResult(
            image_id=image.image_id,
            status="failed",
            reason=answer if isinstance(answer, str) else "",
            checked_at=run.moment,
            next_check_at=next_moment([("ok", None)], 0, run.moment, days),
        )
    outcome = (answer.outcome, answer.status_code)
    is_unchanged = answer.outcome == "not_modified"
    return ImageResult(
        image_id=image.image_id,
        status="cached" if is_unchanged else "failed",
        reason="" if is_unchanged else answer.reason,
        checked_at=run.moment,
        next_check_at=next_moment([outcome], 0, run.moment, days),
        etag=header(answer.headers, "etag") or None,
        last_modified=header(answer.headers, "last-modified") or None,
    )
