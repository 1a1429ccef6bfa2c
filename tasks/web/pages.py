"""Due pages and images, fetched politely and handed on as each becomes known."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tasks.models import ImageRequest, PageRequest, Response, Via
from tasks.settings import FetchSettings
from tasks.web.answers import header, is_html
from tasks.web.politeness import Sleep
from tasks.web.tries import Courier, open_courier

PAGE_TYPES = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"
# Only what the image cache can check.
IMAGE_TYPES = "image/webp,image/png,image/jpeg,image/gif,*/*;q=0.1"

KeepPage = Callable[[PageRequest, Via, str, datetime, Response], None]
KeepImage = Callable[[ImageRequest, Response], None]


async def fetch_pages(
    requests: Sequence[PageRequest],
    settings: FetchSettings,
    keep: KeepPage,
    *,
    sleep: Sleep = asyncio.sleep,
    draw: Callable[[], float] = random.random,
) -> None:
    """Try the addresses of each page in order until one is `ok` or `not_modified`.

    Every try is handed to *keep* at once: the request with its `attempt` counted on
    from the one given, the route, the address, the moment of the request (UTC) and the
    answer. Raises what *keep* raises, and drops what is under way then.
    """
    async with open_courier(settings, sleep=sleep, draw=draw) as courier:
        await _all(
            _fetch_page(courier, request, settings, keep) for request in requests
        )


async def fetch_images(
    requests: Sequence[ImageRequest],
    settings: FetchSettings,
    max_bytes: int,
    keep: KeepImage,
    *,
    sleep: Sleep = asyncio.sleep,
    draw: Callable[[], float] = random.random,
) -> None:
    """Fetch images of up to *max_bytes*; *keep* gets the last try of each."""
    async with open_courier(settings, sleep=sleep, draw=draw) as courier:
        await _all(
            _fetch_image(courier, request, max_bytes, keep) for request in requests
        )


def run_fetch_pages(
    requests: Sequence[PageRequest], settings: FetchSettings, keep: KeepPage
) -> None:
    """Run `fetch_pages` from a thread that has no event loop."""
    asyncio.run(fetch_pages(requests, settings, keep))


def run_fetch_images(
    requests: Sequence[ImageRequest],
    settings: FetchSettings,
    max_bytes: int,
    keep: KeepImage,
) -> None:
    """Run `fetch_images` from a thread that has no event loop."""
    asyncio.run(fetch_images(requests, settings, max_bytes, keep))


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


async def _all(jobs: Iterable[Coroutine[object, object, None]]) -> None:
    """Run *jobs* at once; the first exception ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
