"""Fetch with Scrapy, tuned for many hosts, into its HTTP cache.

Run as `python scrapy_way.py ADDRESSES FOLDER CONCURRENCY PER_HOST [STORAGE]`, by a
Python that has Scrapy; prints how many pages came whole. STORAGE is a class of
`scrapy.extensions.httpcache`, that of one DBM file if not given. What a crawl of many
hosts does not need is off: log, console, cookies, statistics, referer, depth and
duplicates.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.resolver import CachingThreadedResolver
from twisted.internet import defer


class Loopback(CachingThreadedResolver):  # type: ignore[misc]  # not installed here
    """Finds every name at home."""

    def getHostByName(self, *_: Any, **__: Any) -> Any:  # noqa: N802 - Twisted's
        """Return 127.0.0.1."""
        return defer.succeed("127.0.0.1")


class Pages(scrapy.Spider):  # type: ignore[misc]  # not installed here
    """Asks for each address once."""

    name = "pages"
    addresses: tuple[str, ...] = ()
    kept = 0

    async def start(self) -> AsyncIterator[Any]:
        """Ask, without a look at what was asked for before."""
        for address in self.addresses:
            yield scrapy.Request(address, dont_filter=True)

    def parse(self, response: Any) -> None:
        """Count; the cache keeps the page."""
        Pages.kept += response.status == 200


def settings(
    folder: Path, concurrency: int, per_host: int, storage: str
) -> dict[str, Any]:
    """Return the settings that a broad crawl wants."""
    spider = "scrapy.spidermiddlewares"
    downloader = "scrapy.downloadermiddlewares"
    return {
        "CONCURRENT_REQUESTS": concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": per_host,
        "DOWNLOAD_DELAY": 0,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "AUTOTHROTTLE_ENABLED": False,
        "ROBOTSTXT_OBEY": True,
        "HTTPCACHE_ENABLED": True,
        "HTTPCACHE_STORAGE": f"scrapy.extensions.httpcache.{storage}",
        "HTTPCACHE_DIR": str(folder),
        "DNS_RESOLVER": Loopback,
        "LOG_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "COOKIES_ENABLED": False,
        "EXTENSIONS": {
            f"scrapy.extensions.{name}": None
            for name in ("corestats.CoreStats", "logstats.LogStats",
                         "memusage.MemoryUsage", "telnet.TelnetConsole")
        },
        "SPIDER_MIDDLEWARES": {
            f"{spider}.depth.DepthMiddleware": None,
            f"{spider}.referer.RefererMiddleware": None,
            f"{spider}.urllength.UrlLengthMiddleware": None,
        },
        "DOWNLOADER_MIDDLEWARES": {
            f"{downloader}.httpauth.HttpAuthMiddleware": None,
            f"{downloader}.httpproxy.HttpProxyMiddleware": None,
            f"{downloader}.stats.DownloaderStats": None,
            f"{downloader}.offsite.OffsiteMiddleware": None,
        },
        "STATS_CLASS": "scrapy.statscollectors.DummyStatsCollector",
    }  # fmt: skip


def main(
    addresses: list[str],
    folder: Path,
    concurrency: str,
    per_host: str,
    storage: str = "DbmCacheStorage",
) -> int:
    """Fetch all *addresses* into *folder*, so many at once."""
    Pages.addresses = tuple(addresses)
    process = CrawlerProcess(settings(folder, int(concurrency), int(per_host), storage))
    process.crawl(Pages)
    process.start()
    return Pages.kept


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().split()
    print(main(lines, Path(sys.argv[2]), *sys.argv[3:]))
