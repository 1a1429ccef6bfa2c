"""Due pages and images as jobs for the fetcher, each answer handed on as it comes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count

from tasks.due import host_key
from tasks.models import ImageRequest, PageRequest, Response, Rest, Via
from tasks.settings import FetchSettings
from tasks.values import dataclass
from tasks.web.answers import header, is_html
from tasks.web.fetcher import MAX_UNTAKEN_BYTES, HandOn
from tasks.web.mementos import as_saved, raw_address, saved_address, when_wanted
from tasks.web.politeness import HostRests
from tasks.web.soft_errors import find_soft_error
from tasks.web.tries import Courier, Keep

PAGE_TYPES = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"
# Only what the image cache can check.
IMAGE_TYPES = (
    "image/avif,image/webp,image/png,image/jpeg,image/gif,image/svg+xml,*/*;q=0.1"
)

# An answer is on the disk only once it is checked, which takes longer than to fetch it:
# who is killed meanwhile asks for it again. So none begins while 64 wait for that.
IMAGE_BYTES = MAX_UNTAKEN_BYTES // 64
# A page is written down as soon as it is taken, but the disk may be slow at times.
PAGE_BYTES = MAX_UNTAKEN_BYTES // 128

KeepPage = Callable[[PageRequest, Via, str, datetime, Response], None]
KeepImage = Callable[[ImageRequest, Response], None]


@dataclass(frozen=True, slots=True)
class PageJob:
    """A page to fetch by the first of its addresses that has it.

    Every try is handed to *keep* at once: the request with its `attempt` counted on
    from the one given, the route, the address, the moment of the request (UTC) and the
    answer. After the last one *end* is called.
    """

    host: str
    request: PageRequest
    settings: FetchSettings
    keep: KeepPage
    end: Callable[[PageRequest], None]

    async def work(self, courier: Courier, hand_on: HandOn) -> None:
        """Try the addresses in order until one is `ok` or `not_modified`."""
        await _fetch_page(courier, self.request, self.settings, self.keep, hand_on)

    def ended(self) -> None:
        """Pass it on."""
        self.end(self.request)


@dataclass(frozen=True, slots=True)
class ImageJob:
    """An image to fetch, of up to *max_bytes*; *keep* gets the last try."""

    host: str
    request: ImageRequest
    max_bytes: int
    keep: KeepImage

    async def work(self, courier: Courier, hand_on: HandOn) -> None:
        """Ask for its one address."""
        await _fetch_image(courier, self.request, self.max_bytes, self.keep, hand_on)

    def ended(self) -> None:
        """Do nothing: the one answer said all."""


def page_job(
    request: PageRequest,
    settings: FetchSettings,
    keep: KeepPage,
    end: Callable[[PageRequest], None],
) -> PageJob:
    """Return the job for a page that is due."""
    host = sys.intern(host_key(request.addresses[0][1]))
    return PageJob(host, request, settings, keep, end)


def image_job(request: ImageRequest, max_bytes: int, keep: KeepImage) -> ImageJob:
    """Return the job for an image that is due."""
    return ImageJob(sys.intern(host_key(request.url)), request, max_bytes, keep)


def _size(answer: Response) -> int:
    """Return the bytes that an answer holds in memory, but for its headers."""
    return len(answer.body) + sum(len(each.raw_body) for each in answer.exchanges)


async def _fetch_page(
    courier: Courier,
    request: PageRequest,
    settings: FetchSettings,
    keep: KeepPage,
    hand_on: HandOn,
) -> None:
    """Try the routes of a page; a page whose own host rests is deferred as a whole."""
    attempts = count(request.attempt)
    for via, url in request.addresses:
        judge = _judge_of(request, attempts, via, url, keep, hand_on)
        try:
            response = await _ask(courier, request, via, url, settings, judge)
        except HostRests as resting:
            if via == "origin":
                courier.defer(resting.rest)
                return
            response = judge(datetime.now(UTC), _unasked(url, resting.rest))
        if response.outcome in {"ok", "not_modified"}:
            return


async def _ask(
    courier: Courier,
    request: PageRequest,
    via: Via,
    url: str,
    settings: FetchSettings,
    keep: Keep,
) -> Response:
    ask = partial(courier.ask, url, max_bytes=settings.max_bytes, keep=keep)
    headers = {"Accept": PAGE_TYPES}
    if via == "origin":
        # The validators are the origin's; another route's copy knows nothing of them.
        headers |= _conditions(request)
        return await ask(headers=headers, validated_url=request.validated_url)
    if via == "archive":
        headers |= when_wanted(request.published_at)
        return await ask(headers=headers, reroute=raw_address)
    return await ask(headers=headers)


def _judge_of(
    request: PageRequest,
    attempts: Iterator[int],
    via: Via,
    url: str,
    keep: KeepPage,
    hand_on: HandOn,
) -> Keep:
    def judge(moment: datetime, response: Response) -> Response:
        judged = _judged(via, url, response)
        counted = replace(request, attempt=next(attempts))
        call = partial(keep, counted, via, url, moment, judged)
        hand_on(call, max(PAGE_BYTES, _size(judged)))
        return judged

    return judge


def _judged(via: Via, url: str, response: Response) -> Response:
    """Turn an `ok` answer that is no article into what it is, without its body."""
    if response.outcome != "ok":
        return response
    asked, answered = url, response.final_url
    if via == "archive":
        response = as_saved(response)
        asked, answered = saved_address(asked), saved_address(answered)
    response = require_html(response)
    if response.outcome != "ok":
        return response
    kind = header(response.headers, "content-type")
    error = find_soft_error(asked, answered, response.body, kind)
    if error is None:
        return response
    reason = f"{response.reason}, but is {error.reason}"
    return replace(response, outcome=error.outcome, reason=reason, body=b"")


def _unasked(url: str, rest: Rest) -> Response:
    """Stand in for a fallback that was not asked: it counts as its host's last try."""
    return Response(
        url, url, rest.outcome, f"not asked: {rest.reason}", 0, rest.status_code
    )


def require_html(response: Response) -> Response:
    """Turn an `ok` answer that is no HTML into `not_html`, without its body."""
    if response.outcome != "ok":
        return response
    kind = header(response.headers, "content-type")
    if is_html(kind, response.body):
        return response
    reason = f"the answer is {kind[:100]!r}, not HTML" if kind else "it is no HTML"
    return replace(response, outcome="not_html", reason=reason, body=b"")


async def _fetch_image(
    courier: Courier,
    request: ImageRequest,
    max_bytes: int,
    keep: KeepImage,
    hand_on: HandOn,
) -> None:
    try:
        response = await courier.ask(
            request.url,
            headers={"Accept": IMAGE_TYPES, **_conditions(request)},
            max_bytes=max_bytes,
            keep=lambda _, response: response,
        )
    except HostRests as resting:
        courier.defer(resting.rest)
    else:
        size = max(IMAGE_BYTES, _size(response))
        hand_on(partial(keep, request, response), size)


def _conditions(request: PageRequest | ImageRequest) -> dict[str, str]:
    """Ask only for what changed since the last copy (RFC 9110, 13.1)."""
    found = {"If-None-Match": request.etag, "If-Modified-Since": request.last_modified}
    return {name: value for name, value in found.items() if value}
