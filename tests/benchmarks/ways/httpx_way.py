"""Fetch with httpx as it comes, one file a page.

Run as `python httpx_way.py ADDRESSES FOLDER CONCURRENCY`; prints how many pages came
whole. Nothing is checked, recorded or kept but the body, decoded; there is no limit per
host.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import httpx


def loopback(_host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
    """Stand in for `socket.getaddrinfo`: every name is found at home."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


async def main(addresses: list[str], folder: Path, concurrency: int) -> int:
    """Fetch all *addresses* into *folder*, so many at once."""
    queue = iter(enumerate(addresses))
    kept = 0

    async def work(client: httpx.AsyncClient) -> None:
        nonlocal kept
        for number, address in queue:
            try:
                response = await client.get(address)
            except httpx.HTTPError as error:
                print(repr(error), file=sys.stderr)
                continue
            (folder / f"{number}.html").write_bytes(response.content)
            kept += response.status_code == 200 and not address.endswith("/robots.txt")

    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        await asyncio.gather(*(work(client) for _ in range(concurrency)))
    return kept


if __name__ == "__main__":
    setattr(socket, "getaddrinfo", loopback)  # noqa: B010 - of another type
    lines = Path(sys.argv[1]).read_text().split()
    print(asyncio.run(main(lines, Path(sys.argv[2]), int(sys.argv[3]))))
