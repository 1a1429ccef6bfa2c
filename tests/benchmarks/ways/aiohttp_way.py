"""Fetch with aiohttp alone, one file a page.

Run as `python aiohttp_way.py ADDRESSES FOLDER CONCURRENCY PER_HOST`; prints how many
pages came whole. Nothing is checked, recorded or kept but the body, decoded.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult


class Loopback(AbstractResolver):
    """Finds every name at home."""

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's
    ) -> list[ResolveResult]:
        """Return 127.0.0.1."""
        found = ResolveResult(
            hostname=host, host="127.0.0.1", port=port,
            family=socket.AF_INET, proto=0, flags=0,
        )  # fmt: skip
        return [found]

    async def close(self) -> None:
        """Do nothing."""


async def main(
    addresses: list[str], folder: Path, concurrency: int, per_host: int
) -> int:
    """Fetch all *addresses* into *folder*, so many at once."""
    queue = iter(enumerate(addresses))
    kept = 0

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal kept
        for number, address in queue:
            try:
                async with session.get(address) as response:
                    body = await response.read()
            except aiohttp.ClientError as error:
                print(repr(error), file=sys.stderr)
                continue
            (folder / f"{number}.html").write_bytes(body)
            kept += response.status == 200 and not address.endswith("/robots.txt")

    connector = aiohttp.TCPConnector(
        limit=0, limit_per_host=per_host, resolver=Loopback()
    )
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))
    return kept


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().split()
    print(asyncio.run(main(lines, Path(sys.argv[2]), *map(int, sys.argv[3:]))))
