"""Scrapy's ImagesPipeline with thumbnails: `scrapy_images.py ADDRESSES FOLDER`.

Run by a Python that has Scrapy and Pillow; prints how many images were kept.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess

CONCURRENCY = 64


class Images(scrapy.Spider):  # type: ignore[misc]  # not installed here
    """Hands all addresses to the pipeline, a hundred an item."""

    name = "images"
    addresses: tuple[str, ...] = ()
    kept = 0

    async def start(self) -> AsyncIterator[Any]:
        """Ask for nothing, so that there is an answer to begin with."""
        yield scrapy.Request("data:,", dont_filter=True)

    def parse(self, _: Any) -> Iterator[Any]:
        """Yield the items."""
        for at in range(0, len(self.addresses), 100):
            yield {"image_urls": list(self.addresses[at : at + 100])}


class Counted:
    """Counts what the pipeline kept."""

    def process_item(self, item: Any) -> Any:
        """Count the images of an item."""
        Images.kept += len(item["images"])
        return item


def main(addresses: list[str], folder: Path) -> int:
    """Keep all images with thumbnails of our size."""
    Images.addresses = tuple(addresses)
    process = CrawlerProcess(
        {
            "ITEM_PIPELINES": {
                "scrapy.pipelines.images.ImagesPipeline": 1,
                Counted: 2,
            },
            "IMAGES_STORE": str(folder),
            "IMAGES_THUMBS": {"small": (256, 256)},
            "CONCURRENT_REQUESTS": CONCURRENCY,
            "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
            "DOWNLOAD_DELAY": 0,
            "ROBOTSTXT_OBEY": False,
            "LOG_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "COOKIES_ENABLED": False,
        }
    )
    process.crawl(Images)
    process.start()
    return Images.kept


if __name__ == "__main__":
    print(main(Path(sys.argv[1]).read_text().split(), Path(sys.argv[2])))
