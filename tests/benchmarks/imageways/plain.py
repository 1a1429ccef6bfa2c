"""The plain way: `plain.py ADDRESSES FOLDER`, httpx, Pillow and imagehash.

What one writes first: fetch some at once, decode, hash, shrink, write both files. Run
by a Python that has them; prints how many images were kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from io import BytesIO
from pathlib import Path

import httpx
import imagehash
from PIL import Image

CONCURRENCY = 16


async def main(addresses: list[str], folder: Path) -> int:
    """Keep all images with thumbnails, and their hashes in a file."""
    hashes: list[str] = []
    waiting = iter(addresses)

    async def work(client: httpx.AsyncClient) -> None:
        for url in waiting:
            answer = await client.get(url)
            answer.raise_for_status()
            hashes.append(_keep(answer.content, folder))

    async with httpx.AsyncClient(timeout=60) as client, asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(work(client))
    (folder / "hashes.txt").write_text("\n".join(hashes))
    return len(hashes)


def _keep(content: bytes, folder: Path) -> str:
    digest = hashlib.sha256(content).hexdigest()
    (folder / f"{digest}.jpg").write_bytes(content)
    with Image.open(BytesIO(content)) as image:
        perceptual = str(imagehash.phash(image))
        image.thumbnail((256, 320))
        image.save(folder / f"{digest}.webp", quality=80)
    return f"{digest} {perceptual}"


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().split()
    print(asyncio.run(main(lines, Path(sys.argv[2]))))
