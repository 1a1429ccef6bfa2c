"""Speed of fetching, against others: `python -m tests.benchmarks fetching`.

All ways ask the same server for the same pages, in turn, as whole processes. Ours is
the whole stage: due pages, robots, guard, WARC and rows; the others keep bodies.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.measure import Cost, measure, median, refresh
from tests.benchmarks.results import (
    figures_table,
    lay_out,
    machine_facts,
    packages,
    write_part,
)
from tests.benchmarks.rows import Figure
from tests.benchmarks.server import serve
from tests.benchmarks.site import HOSTS, addresses, make_hub, robots_addresses

PAGES = 2_000
GROWTH = 10  # times the pages, for what a page costs when there are many
LATENCIES = (0.0, 0.1)  # seconds from a request to its answer
# Requests at once, over all and per host: as `fetch.concurrency` is by default, and as
# Scrapy's CONCURRENT_REQUESTS_PER_DOMAIN is.
USUAL = (64, 8)
WIDE = (HOSTS, 1)  # every host at once, none of them twice
# The ways that are Scrapy, each with the class that keeps its HTTP cache.
STORAGES = {"Scrapy": "DbmCacheStorage", "Scrapy, files": "FilesystemCacheStorage"}
MOST_CPU = {"Scrapy": 0.25, "httpx": 0.6, "aiohttp": 2.5}  # goals, times a way's
ROUNDS = 3
PEERS_MISSING = """\
Scrapy is left out. To measure it, too, give it an environment of its own:
  python3 -m venv DIR && DIR/bin/pip install scrapy
  python -m tests.benchmarks fetching --peers DIR"""
PREAMBLE = f"""\
# Speed of fetching

Written by `python -m tests.benchmarks fetching {{options}}--write`; not to be edited.

Pages of 80 KB, 21 KB as gzip, on {HOSTS} hosts, all of them one server on loopback: a
process of its own that sends answers made beforehand, after the latency named. Its CPU
is not counted, but it shares the machine's cores with who asks. All ways fetch the
robots.txt of each host (httpx and aiohttp without a look at it), have at most as many
requests under way as "at once" says, over all and per host (httpx knows no limit per
host), and make no pauses. Each runs in turn with the others, as a whole process with
its start; CPU is that of user and system. Medians of the rounds, the largest of the
peaks. Goals are for {USUAL[0]} at once; the other rows tell how much hangs on how the
peers are set.

- ours: the steps `due_pages` and `fetch_pages` of a run without Prefect: due pages from
  the warehouse, robots, turns, guard, answer judged, WARC on disk, rows in DuckDB
- Scrapy: HTTP cache on, as DBM, the cheapest that it has; log, console, statistics,
  cookies and needless middlewares off
- Scrapy, files: the same with the HTTP cache that is its default, six files a page
- httpx, aiohttp: the client alone, one file a page, nothing checked
"""


class Work(NamedTuple):
    """What a way is asked for; *at_once* counts requests over all and per host."""

    way: str
    latency_seconds: float
    pages: int
    at_once: tuple[int, int] = USUAL


@dataclass(frozen=True, slots=True)
class Crawl:
    """What a work cost, round by round, and how many pages it kept."""

    work: Work
    costs: list[Cost] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        """CPU of a page, milliseconds."""
        return 1_000 * median(self.costs).cpu_seconds / max(1, self.work.pages)

    @property
    def per_second(self) -> float:
        """Pages per second on the clock."""
        return self.work.pages / median(self.costs).wall_seconds

    @property
    def missing(self) -> int:
        """Pages that did not come, of all rounds."""
        return sum(self.work.pages - kept for kept in self.kept)


Crawls = dict[Work, Crawl]
Command = Callable[[Path, Path, int], list[str]]


def main(words: Sequence[str]) -> None:
    """Measure, and print tables of it."""
    asked = _arguments(words)
    scrapy = _scrapy_version(asked.peers)
    if scrapy is None:
        print(PEERS_MISSING, file=sys.stderr)
    peers = ["aiohttp", "httpx", *(STORAGES if scrapy else ())]
    with tempfile.TemporaryDirectory(prefix="wirehouse-bench-") as name:
        bench = Bench(Path(name), asked.peers)
        crawls = bench.run(peers, asked.pages, asked.growth, asked.rounds)
    told = tables(list(crawls.values()), figures(crawls, asked.pages, asked.growth))
    print(told)
    if asked.write:
        versions = packages(("httpx", "aiohttp", "duckdb"))
        facts = [
            *machine_facts(),
            ("packages", f"{versions}, scrapy {scrapy or 'not measured'}"),
            ("rounds", str(asked.rounds)),
        ]
        options = "--peers DIR " if scrapy else ""
        write_part(PREAMBLE.format(options=options), facts, told)


class Bench:
    """The work of the ways, in *folder*; Scrapy runs by the Python of *peers*."""

    def __init__(self, folder: Path, peers: Path | None) -> None:
        self._folder = folder
        self._peers = peers

    def run(self, peers: Sequence[str], pages: int, growth: int, rounds: int) -> Crawls:
        """Fetch *pages* by each way, and by ours no page and *growth* times as many."""
        ways = [*peers, "ours"]
        works = [
            *(Work(way, latency, pages) for latency in LATENCIES for way in ways),
            *(Work(way, 0.0, pages, WIDE) for way in ways),
            *(Work(way, 0.0, 0) for way in ways),
            *([Work("ours", 0.0, growth * pages)] if growth else []),
        ]
        crawls = {work: Crawl(work) for work in works}
        with ExitStack() as servers:
            ports = {
                latency: servers.enter_context(serve(latency)).port
                for latency in LATENCIES
            }
            for _ in range(rounds):
                for work, crawl in crawls.items():
                    self._fetch(crawl, ports[work.latency_seconds])
        return crawls

    def _fetch(self, crawl: Crawl, port: int) -> None:
        """Fetch once by one way, in a folder that nobody used."""
        place = self._folder / "work"
        place.mkdir()
        work = crawl.work
        if work.way == "ours":
            shutil.copytree(self._loaded(work.pages, port), place / "data")
            command = _our_command(place / "data", port, work.at_once)
        else:
            command = self._peer_command(work, place, port)
        with (place / "said").open("w+b") as said:
            crawl.costs.append(measure(command, said))
            said.seek(0)
            crawl.kept.append(int(said.read()))
        shutil.rmtree(place)

    def _loaded(self, pages: int, port: int) -> Path:
        """Return a data directory with an article for each page, made once."""
        data = self._folder / f"data-{port}-{pages}"
        if not data.exists():
            hub = make_hub(self._folder / "hub", addresses(pages, port))
            measure(refresh(data, [hub]))
            shutil.rmtree(hub)
        return data

    def _peer_command(self, work: Work, place: Path, port: int) -> list[str]:
        pages = addresses(work.pages, port)
        storage = STORAGES.get(work.way)
        if storage is None:  # Scrapy asks for robots.txt by itself
            pages = [*robots_addresses(pages), *pages]
        (place / "addresses").write_text("\n".join(pages))
        (place / "pages").mkdir()
        name = work.way if storage is None else "Scrapy"
        script = Path(__file__).with_name("ways") / f"{name.lower()}_way.py"
        python = sys.executable
        if storage is not None and self._peers is not None:
            python = str(_python_of(self._peers))
        options = [*map(str, work.at_once), *([storage] if storage else [])]
        return [python, str(script), *map(str, (place / "addresses", place / "pages")),
                *options]  # fmt: skip


def figures(crawls: Crawls, pages: int, growth: int) -> list[Figure]:
    """Compare ours with each way, and many pages with few."""
    found: list[Figure] = []
    for peer in crawls.values():
        if peer.work.way != "ours" and peer.work.pages:
            found += _against(peer, crawls[peer.work._replace(way="ours")])
    if growth:
        found += _growth(crawls, pages, growth)
    missing = sum(
        crawl.missing for crawl in crawls.values() if crawl.work.way == "ours"
    )
    return [*found, Figure("pages that ours did not get", missing, "", at_most=0)]


def _against(peer: Crawl, ours: Crawl) -> list[Figure]:
    """Compare ours with a way that did the same work."""
    way, latency, _, at_once = peer.work
    told = f"by {way}'s, {1000 * latency:.0f} ms"
    if at_once != USUAL:
        told += f", {at_once[0]} at once"
    is_goal = at_once == USUAL
    speed = ours.per_second / peer.per_second
    share = ours.cpu_ms / peer.cpu_ms
    least = _least_speed(way, latency) if is_goal else None
    most = MOST_CPU.get(way) if is_goal else None
    return [
        Figure(f"pages/s, {told}", speed, "times", at_least=least),
        Figure(f"CPU per page, {told}", share, "times", at_most=most),
    ]


def _least_speed(way: str, latency: float) -> float | None:
    """Return the goal for pages/s, as a share of another way's."""
    if way == "aiohttp" and latency:
        return 0.8
    return 5.0 if way == "Scrapy" and not latency else None


def _growth(crawls: Crawls, pages: int, growth: int) -> list[Figure]:
    """Tell what a page costs among many, by that among few; both beyond the start."""
    few = crawls[Work("ours", 0.0, pages)]
    many = crawls[Work("ours", 0.0, growth * pages)]
    start = median(crawls[Work("ours", 0.0, 0)].costs).cpu_seconds
    costs = [
        (median(crawl.costs).cpu_seconds - start) / crawl.work.pages
        for crawl in (many, few)
    ]
    told = f"beyond the start, {many.work.pages:,} pages by {pages:,}"
    peaks = [median(crawl.costs).peak_mib for crawl in (many, few)]
    return [
        Figure(f"CPU per page {told}", costs[0] / costs[1], "times", at_most=1.1),
        Figure(
            f"peak memory, {many.work.pages:,} pages by {pages:,}",
            peaks[0] / peaks[1],
            "times",
        ),
    ]


def tables(crawls: Sequence[Crawl], found: Sequence[Figure]) -> str:
    """Return crawls and figures as two tables."""
    titles = ("way", "latency ms", "at once", "pages", "CPU ms/page", "pages/s",
              "CPU s", "wall s", "peak MiB", "missing")  # fmt: skip
    ordered = sorted(crawls, key=lambda crawl: _order(crawl.work))
    rows = lay_out(titles, map(_cells, ordered))
    return f"\n{rows}\n\n{figures_table(found)}\n"


def _order(work: Work) -> tuple[int, float, int]:
    return work.pages, work.latency_seconds, work.at_once[0]


def _cells(crawl: Crawl) -> tuple[str, ...]:
    cost, work = median(crawl.costs), crawl.work
    return (
        work.way,
        f"{1_000 * work.latency_seconds:.0f}",
        "{} / {}".format(*work.at_once),
        f"{work.pages:,}",
        f"{crawl.cpu_ms:.2f}" if work.pages else "",
        f"{crawl.per_second:,.0f}" if work.pages else "",
        f"{cost.cpu_seconds:.2f}",
        f"{cost.wall_seconds:.2f}",
        f"{cost.peak_mib:.0f}",
        str(crawl.missing),
    )


def _our_command(data: Path, port: int, at_once: tuple[int, int]) -> list[str]:
    module = "tests.benchmarks.ways.our_way"
    numbers = map(str, (port, *at_once))
    return [sys.executable, "-m", module, str(data), *numbers]


def _scrapy_version(peers: Path | None) -> str | None:
    """Return the version of Scrapy in the environment *peers*; None if it has none."""
    if peers is None or not _python_of(peers).is_file():
        return None
    command = [str(_python_of(peers)), "-c", "import scrapy; print(scrapy.__version__)"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() or None


def _python_of(peers: Path) -> Path:
    return peers.absolute() / "bin" / "python"


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks fetching")
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="a virtual environment with Scrapy"
    )
    parser.add_argument("--pages", type=int, default=PAGES, help="how many to fetch")
    parser.add_argument(
        "--growth", type=int, default=GROWTH,
        help="by ours, so many times the pages, too; 0 leaves that out",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each way runs"
    )
    parser.add_argument(
        "--write", action="store_true", help="write this part of the page of results"
    )
    return parser.parse_args(words)
