"""Serves made JPEGs on loopback; prints its port and their mean size in bytes.

`/<anything>/<number>.jpg` are twenty pictures; a comment makes every file another one.
It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import random
import sys
from io import BytesIO
from typing import Any

from PIL import Image

PICTURES = 20
SIZE = (1200, 800)
QUALITY = 66  # about 170 KB a picture
BACKLOG = 1_000


def pictures() -> list[bytes]:
    """Draw pictures with coarse shapes and fine grain, as photographs have."""
    made = []
    for seed in range(PICTURES):
        chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        coarse = Image.frombytes("RGB", (12, 8), chance.randbytes(12 * 8 * 3))
        grain = Image.frombytes("L", (600, 400), chance.randbytes(600 * 400))
        view = coarse.resize(SIZE, Image.Resampling.BICUBIC)
        noise = grain.resize(SIZE, Image.Resampling.BICUBIC).convert("RGB")
        buffer = BytesIO()
        Image.blend(view, noise, 0.25).save(buffer, "JPEG", quality=QUALITY)
        made.append(buffer.getvalue())
    return made


def numbered(picture: bytes, number: int) -> bytes:
    """Put a comment behind the first marker (ITU T.81, B.2.4.5)."""
    comment = f"{number:08}".encode()
    return picture[:2] + b"\xff\xfe\x00\x0a" + comment + picture[2:]


class _Connection(asyncio.Protocol):
    """Answers requests without a body."""

    def __init__(self, made: list[bytes]) -> None:
        self._made = made
        self._pending = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1].decode()
            name = path.rpartition("/")[2].removesuffix(".jpg")
            if name.isdecimal():
                number = int(name)
                picture = self._made[number % len(self._made)]
                self._answer("200 OK", "image/jpeg", numbered(picture, number))
            else:
                self._answer("404 Not Found", "text/plain", b"")

    def _answer(self, status: str, kind: str, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


async def main() -> None:
    """Serve until standard input ends."""
    made = pictures()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(made), "127.0.0.1", 0, backlog=BACKLOG
    )
    mean = sum(map(len, made)) // len(made)
    print(server.sockets[0].getsockname()[1], mean, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
