"""Due pages and images as jobs for the fetcher, each answer handed on as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from tasks.due import host_key
from tasks.models import ImageRequest, PageRequest, Response, Via
from tasks.settings import FetchSettings
from tasks.web.answers import header, is_html
from tasks.web.fetcher import HandOn, Job
from tasks.web.tries import Courier

PAGE_TYPES = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"
# Only what the image cache can check.
IMAGE_TYPES = (
    "image/avif,image/webp,image/png,image/jpeg,image/gif,image/svg+xml,*/*;q=0.1"
)

KeepPage = Callable[[PageRequest, Via, str, datetime, Response], None]
KeepImage = Callable[[ImageRequest, Response], None]


def page_job(
    request: PageRequest,
    settings: FetchSettings,
    keep: KeepPage,
    ended: Callable[[PageRequest], None],
) -> Job:
    """Try the addresses of a page in order until one is `ok` or `not_modified`.

    Every try is handed to *keep* at once: the request with its `attempt` counted on
    from the one given, the route, the address, the moment of the request (UTC) and the
    answer. After the last one *ended* is called.
    """

    async def work(courier: Courier, hand_on: HandOn) -> None:
        def hand_over(
            counted: PageRequest, via: Via, url: str, moment: datetime, answer: Response
        ) -> None:
            call = partial(keep, counted, via, url, moment, answer)
            hand_on(call, _size(answer))

        await _fetch_page(courier, request, settings, hand_over)

    host = host_key(request.addresses[0][1])
    return Job(host, work, partial(ended, request))


def image_job(request: ImageRequest, max_bytes: int, keep: KeepImage) -> Job:
    """Fetch an image of up to *max_bytes*; *keep* gets the last try."""

    async def work(courier: Courier, hand_on: HandOn) -> None:
        def hand_over(request: ImageRequest, answer: Response) -> None:
            hand_on(partial(keep, request, answer), _size(answer))

        await _fetch_image(courier, request, max_bytes, hand_over)

    return Job(host_key(request.url), work, lambda: None)


def _size(answer: Response) -> int:
    """Return the bytes that an answer holds in memory, but for its headers."""
    return len(answer.body) + sum(len(each.raw_body) for each in answer.exchanges)


async def _fetch_page(
    courier: Courier, request: PageRequest, settings: FetchSettings, keep: KeepPage
) -> None:
    for via, url in request.addresses:
        # The validators are the origin's; another route's copy knows nothing of them.
        conditions = _conditions(request) if via == "origin" else {}
        response = await courier.ask(
            url,
            headers={"Accept": PAGE_TYPES, **conditions},
            max_bytes=settings.max_bytes,
            keep=_keeper(request, via, url, keep),
        )
        if require_html(response).outcome in {"ok", "not_modified"}:
            return


def _keeper(
    request: PageRequest, via: Via, url: str, keep: KeepPage
) -> Callable[[int, datetime, Response], None]:
    def hand_on(number: int, moment: datetime, response: Response) -> None:
        counted = replace(request, attempt=request.attempt + number)
        keep(counted, via, url, moment, require_html(response))

    return hand_on


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
    courier: Courier, request: ImageRequest, max_bytes: int, keep: KeepImage
) -> None:
    response = await courier.ask(
        request.url,
        headers={"Accept": IMAGE_TYPES, **_conditions(request)},
        max_bytes=max_bytes,
        keep=lambda _number, _moment, _response: None,
    )
    keep(request, response)


def _conditions(request: PageRequest | ImageRequest) -> dict[str, str]:
    """Ask only for what changed since the last copy (RFC 9110, 13.1)."""
    found = {"If-None-Match": request.etag, "If-Modified-Since": request.last_modified}
    return {name: value for name, value in found.items() if value}
