"""The server that the fetching benchmarks ask: as little work an answer as can be.

A process of its own, `python -m tests.benchmarks.server LATENCY_SECONDS`. It prints its
port, answers until its standard input ends, and says what it was asked for.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.site import ROBOTS, answer, answers

BACKLOG = 1_000  # connections that all ways may open at once


@dataclass(slots=True)
class Served:
    """A server that runs: where it listens and, once it ended, what it was asked."""

    port: int
    counts: dict[str, int] = field(default_factory=dict)


@contextmanager
def serve(latency_seconds: float) -> Iterator[Served]:
    """Run the server beside this process until the end of the block."""
    command = [sys.executable, "-m", "tests.benchmarks.server", str(latency_seconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        served = Served(int(process.stdout.readline()))
        try:
            yield served
        finally:
            process.stdin.close()
            served.counts |= json.loads(process.stdout.readline())


class _Connection(asyncio.Protocol):
    """Answers requests without a body, each of which it takes to be whole."""

    def __init__(self, pages: list[bytes], latency: float, seen: Counter[str]) -> None:
        self._pages = pages
        self._latency = latency
        self._seen = seen
        self._robots = answer(ROBOTS, "text/plain")
        self._pending = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._seen["connections"] += 1

    def data_received(self, data: bytes) -> None:
        *requests, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1]
            is_robots = path == b"/robots.txt"
            self._seen["robots" if is_robots else "pages"] += 1
            content = self._robots if is_robots else self._page(path)
            if self._latency:
                loop = asyncio.get_running_loop()
                loop.call_later(self._latency, self._transport.write, content)
            else:
                self._transport.write(content)

    def _page(self, path: bytes) -> bytes:
        return self._pages[zlib.crc32(path) % len(self._pages)]


async def main(latency_seconds: float) -> None:
    """Serve until standard input ends."""
    pages = answers()
    seen = Counter(connections=0, robots=0, pages=0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(pages, latency_seconds, seen),
        "127.0.0.1",
        0,
        backlog=BACKLOG,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
