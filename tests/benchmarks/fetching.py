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
CONCURRENCY = 64  # as `fetch.concurrency` is by default
PER_HOST = 8  # as Scrapy's CONCURRENT_REQUESTS_PER_DOMAIN is by default
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
robots.txt of each host (httpx and aiohttp without a look at it), have at most
{CONCURRENCY} requests under way, {PER_HOST} per host where they know such a limit, and
make no pauses. Each runs in turn with the others, as a whole process with its start;
CPU is that of user and system. Medians of the rounds, the largest of the peaks.

- ours: the steps `due_pages` and `fetch_pages` of a run without Prefect: due pages from
  the warehouse, robots, turns, guard, answer judged, WARC on disk, rows in DuckDB
- Scrapy: HTTP cache on, as DBM (its default, six files a page, costs more); log,
  console, statistics, cookies and needless middlewares off
- httpx, aiohttp: the client alone, one file a page, nothing checked
"""


@dataclass(frozen=True, slots=True)
class Crawl:
    """A way, what it was asked for, and what that cost, round by round."""

    way: str
    latency_seconds: float
    pages: int
    costs: list[Cost] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        """CPU of a page, milliseconds."""
        return 1_000 * median(self.costs).cpu_seconds / max(1, self.pages)

    @property
    def per_second(self) -> float:
        """Pages per second on the clock."""
        return self.pages / median(self.costs).wall_seconds

    @property
    def missing(self) -> int:
        """Pages that did not come, of all rounds."""
        return sum(self.pages - kept for kept in self.kept)


Crawls = dict[tuple[str, float, int], Crawl]
Command = Callable[[Path, Path, int], list[str]]


def main(words: Sequence[str]) -> None:
    """Measure, and print tables of it."""
    asked = _arguments(words)
    scrapy = _scrapy_version(asked.peers)
    if scrapy is None:
        print(PEERS_MISSING, file=sys.stderr)
    peers = ["aiohttp", "httpx", *(["Scrapy"] if scrapy else [])]
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
        works = [
            *((way, latency, pages) for latency in LATENCIES for way in peers),
            *(("ours", latency, pages) for latency in LATENCIES),
            *((way, 0.0, 0) for way in [*peers, "ours"]),
            *([("ours", 0.0, growth * pages)] if growth else []),
        ]
        crawls = {work: Crawl(*work) for work in works}
        with ExitStack() as servers:
            ports = {
                latency: servers.enter_context(serve(latency)).port
                for latency in LATENCIES
            }
            for _ in range(rounds):
                for crawl in crawls.values():
                    self._fetch(crawl, ports[crawl.latency_seconds])
        return crawls

    def _fetch(self, crawl: Crawl, port: int) -> None:
        """Fetch once by one way, in a folder that nobody used."""
        place = self._folder / "work"
        place.mkdir()
        if crawl.way == "ours":
            shutil.copytree(self._loaded(crawl.pages, port), place / "data")
            command = _our_command(place / "data", port)
        else:
            command = self._peer_command(crawl, place, port)
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

    def _peer_command(self, crawl: Crawl, place: Path, port: int) -> list[str]:
        pages = addresses(crawl.pages, port)
        if crawl.way != "Scrapy":  # which asks for robots.txt by itself
            pages = [*robots_addresses(pages), *pages]
        (place / "addresses").write_text("\n".join(pages))
        (place / "pages").mkdir()
        script = Path(__file__).with_name("ways") / f"{crawl.way.lower()}_way.py"
        python = sys.executable
        if crawl.way == "Scrapy" and self._peers is not None:
            python = str(_python_of(self._peers))
        limits = [str(CONCURRENCY), str(PER_HOST)]
        return [python, str(script), *map(str, (place / "addresses", place / "pages")),
                *limits]  # fmt: skip


def figures(crawls: Crawls, pages: int, growth: int) -> list[Figure]:
    """Compare ours with each way, and many pages with few."""
    found: list[Figure] = []
    for latency in LATENCIES:
        ours = crawls["ours", latency, pages]
        for way, most in (("Scrapy", 0.25), ("httpx", 0.6), ("aiohttp", 2.5)):
            peer = crawls.get((way, latency, pages))
            if peer is None:
                continue
            told = f"by {way}'s, {1000 * latency:.0f} ms"
            least = _least_speed(way, latency)
            speed = ours.per_second / peer.per_second
            share = ours.cpu_ms / peer.cpu_ms
            found += [
                Figure(f"pages/s, {told}", speed, "times", at_least=least),
                Figure(f"CPU per page, {told}", share, "times", at_most=most),
            ]
    if growth:
        found += _growth(crawls, pages, growth)
    missing = sum(crawl.missing for crawl in crawls.values() if crawl.way == "ours")
    return [*found, Figure("pages that ours did not get", missing, "", at_most=0)]


def _least_speed(way: str, latency: float) -> float | None:
    """Return the goal for pages/s, as a share of another way's."""
    if way == "aiohttp" and latency:
        return 0.8
    return 5.0 if way == "Scrapy" and not latency else None


def _growth(crawls: Crawls, pages: int, growth: int) -> list[Figure]:
    """Tell what a page costs among many, by that among few; both beyond the start."""
    few, many = crawls["ours", 0.0, pages], crawls["ours", 0.0, growth * pages]
    start = median(crawls["ours", 0.0, 0].costs).cpu_seconds
    costs = [
        (median(crawl.costs).cpu_seconds - start) / crawl.pages for crawl in (many, few)
    ]
    told = f"beyond the start, {many.pages:,} pages by {pages:,}"
    peaks = [median(crawl.costs).peak_mib for crawl in (many, few)]
    return [
        Figure(f"CPU per page {told}", costs[0] / costs[1], "times", at_most=1.1),
        Figure(
            f"peak memory, {many.pages:,} pages by {pages:,}",
            peaks[0] / peaks[1],
            "times",
        ),
    ]


def tables(crawls: Sequence[Crawl], found: Sequence[Figure]) -> str:
    """Return crawls and figures as two tables."""
    titles = ("way", "latency ms", "pages", "CPU ms/page", "pages/s", "CPU s", "wall s",
              "peak MiB", "missing")  # fmt: skip
    ordered = sorted(crawls, key=lambda crawl: (crawl.pages, crawl.latency_seconds))
    rows = lay_out(titles, map(_cells, ordered))
    return f"\n{rows}\n\n{figures_table(found)}\n"


def _cells(crawl: Crawl) -> tuple[str, ...]:
    cost = median(crawl.costs)
    return (
        crawl.way,
        f"{1_000 * crawl.latency_seconds:.0f}",
        f"{crawl.pages:,}",
        f"{crawl.cpu_ms:.2f}" if crawl.pages else "",
        f"{crawl.per_second:,.0f}" if crawl.pages else "",
        f"{cost.cpu_seconds:.2f}",
        f"{cost.wall_seconds:.2f}",
        f"{cost.peak_mib:.0f}",
        str(crawl.missing),
    )


def _our_command(data: Path, port: int) -> list[str]:
    numbers = (port, CONCURRENCY, PER_HOST)
    module = "tests.benchmarks.ways.our_way"
    return [sys.executable, "-m", module, str(data), *map(str, numbers)]


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
