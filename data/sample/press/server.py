"""The bundled press site: one server that stands for every host of the sample hub.

    python data/sample/press/server.py [--port 0] [--host 127.0.0.1]

It prints one line, `listening on ADDRESS:PORT`, and serves until it is told to stop.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import signal
import sys
import threading
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from addresses import Reply, Site
from aiohttp import web  # noqa: TID251 -- this is the other side of the door

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STDIN = 0
SHUTDOWN_SECONDS = 0.5  # for answers under way; nobody waits for the slow page


def main() -> None:
    """Serve until a signal or, if asked for, the end of standard input."""
    parser = argparse.ArgumentParser(description="the press site of the sample hub")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="also stop at the end of standard input: never outlive the parent",
    )
    options = parser.parse_args()
    asyncio.run(
        _serve(
            options.host, options.port, until_stdin_closes=options.until_stdin_closes
        )
    )


async def _serve(host: str, port: int, *, until_stdin_closes: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        _watch_stdin(lambda: loop.call_soon_threadsafe(stop.set))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _handler(Site()))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    address, bound_port = runner.addresses[0][:2]
    try:
        sys.stdout.write(f"listening on {address}:{bound_port}\n")
        sys.stdout.flush()
        await stop.wait()
    except BrokenPipeError:
        _forget_output()
    await runner.cleanup()


def _forget_output() -> None:
    """Give standard output another end: whoever started this is gone already."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _watch_stdin(at_end: Callable[[], object]) -> None:
    """Call *at_end* once standard input ends; a plain read holds no lock at exit."""

    def watch() -> None:
        while os.read(STDIN, 4096):
            pass
        at_end()

    threading.Thread(target=watch, daemon=True).start()


def _handler(site: Site) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        host = request.host.partition(":")[0].lower()
        reply = site.reply(host, request.raw_path)
        if reply is None:
            if request.transport:
                request.transport.abort()
            return web.Response()
        await asyncio.sleep(reply.delay_seconds)
        return _response(request, reply)

    return answer


def _response(request: web.Request, reply: Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type}
    if reply.location:
        headers["Location"] = reply.location
    if reply.etag:
        headers["ETag"] = reply.etag
    if reply.last_modified:
        headers["Last-Modified"] = reply.last_modified
    if _is_known(request, reply):
        return web.Response(status=304, headers=headers)
    body = reply.body
    if reply.is_gzipped and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, mtime=0)
    return web.Response(status=reply.status, headers=headers, body=body)


def _is_known(request: web.Request, reply: Reply) -> bool:
    """Tell whether the asker's copy is still good; its tag counts before its date."""
    tag = request.headers.get("If-None-Match")
    if tag is not None:
        return bool(reply.etag) and tag == reply.etag
    since = request.headers.get("If-Modified-Since")
    if since is None or not reply.last_modified:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return moment >= parsedate_to_datetime(reply.last_modified)


if __name__ == "__main__":
    main()
