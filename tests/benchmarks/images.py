"""Speed of the image cache, against others: `python -m tests.benchmarks images`.

All ways ask the same server for the same JPEGs, in turn, as whole processes. Ours is
the whole stage: due images, robots, guard, check, hash, thumbnail, files, rows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from flows.direct import run_direct
from flows.refresh import read_sources
from tasks.run import Job
from tasks.settings import Settings, SourceSettings
from tests.benchmarks.measure import Cost, measure, median
from tests.benchmarks.results import (
    figures_table,
    lay_out,
    machine_facts,
    packages,
    write_part,
)
from tests.benchmarks.rows import Figure

WAYS = Path(__file__).parent / "imageways"
IMAGES = 2_000
HOSTS = 100  # sites that the images lie on
PER_ARTICLE = 20  # images that one article of the made hub shows
ROUNDS = 3
OURS, FRESH = "ours", "ours, all fresh"
# Each peer's program, and what it keeps of an image.
PEERS = {
    "Scrapy": ("scrapy_images.py", "full/*.jpg"),
    "img2dataset": ("img2dataset_way.py", "**/*.jpg"),
    "plain": ("plain.py", "*.jpg"),
}
PEER_PACKAGES = ("scrapy", "img2dataset", "httpx", "imagehash", "pillow")
PEERS_MISSING = """\
The others are left out. To measure them, too, give them an environment of their own:
  python3 -m venv DIR && DIR/bin/pip install scrapy img2dataset httpx imagehash
  python -m tests.benchmarks images --peers DIR"""
PREAMBLE = """\
# Speed of the image cache

Written by `python -m tests.benchmarks images {options}--write`; not to be edited.

Made JPEGs of 1,200 by 800 pixels with the grain of photographs, all of them from one
server on loopback. Its CPU is not counted, but it shares the machine's cores with who
asks. Each way makes thumbnails of 256 pixels, and runs in turn with the others, as a
whole process with its start; CPU is that of user and system, of all its processes.
What a way keeps stays until all are through: a file system may look at each file that
was just deleted before it makes another. Medians of the rounds, the largest of the
peaks, that of one process.

- ours: the steps on images of a run without Prefect: due images from the warehouse,
  robots.txt of {hosts} hosts, turns, guard; each image decoded in a child process, with
  perceptual hash, dominant color and WebP thumbnail; both files synced to the disk
  before their row in DuckDB
- Scrapy: its ImagesPipeline with a thumbnail, robots, log, cookies and console off;
  re-encodes what it keeps, checks nothing, syncs nothing
- img2dataset: as many processes as cores, keeps the resized JPEG alone, no thumbnail
- plain: what one writes first with httpx, Pillow and imagehash, in one process
"""


def main(words: Sequence[str]) -> None:
    """Measure, and print tables of it."""
    asked = _arguments(words)
    load = os.getloadavg()[0]
    versions = _peer_versions(asked.peers)
    if not versions:
        print(PEERS_MISSING, file=sys.stderr)
    with (
        tempfile.TemporaryDirectory(prefix="wirehouse-bench-") as name,
        _served() as (port, size),
    ):
        bench = Bench(Path(name), port, asked.images, asked.peers)
        costs = bench.run(PEERS if versions else {}, asked.rounds)
    told = tables(costs, asked.images)
    print(told)
    if asked.write:
        facts = [
            *machine_facts(),
            ("packages", packages(("pillow", "duckdb", "aiohttp"))),
            ("packages of the others", versions or "not measured"),
            ("images", f"{asked.images:,} of {size:,} bytes"),
            ("rounds", str(asked.rounds)),
            # Who has more processes has more of a busy machine: then trust the CPU.
            ("load of the machine by others, before", f"{load:.1f}"),
        ]
        options = "--peers DIR " if versions else ""
        write_part(PREAMBLE.format(options=options, hosts=HOSTS), facts, told)


class Bench:
    """The work of the ways, in *folder*; the others run by the Python of *peers*."""

    def __init__(self, folder: Path, port: int, count: int, peers: Path | None) -> None:
        self._folder = folder
        self._port = port
        self._count = count
        self._peers = peers
        self._places = 0

    def run(
        self, peers: Mapping[str, tuple[str, str]], rounds: int
    ) -> dict[str, list[Cost]]:
        """Cache all images by each way in turn, by ours a second time as well."""
        prepared = _prepare(self._folder, self._count)
        costs: dict[str, list[Cost]] = {name: [] for name in (OURS, FRESH, *peers)}
        for _ in range(rounds):
            first, second = self._ours(prepared)
            costs[OURS].append(first)
            costs[FRESH].append(second)
            for name, (program, pattern) in peers.items():
                costs[name].append(self._peer(program, pattern))
        return costs

    def _place(self) -> Path:
        """Return where a way may put its files, which stay until all ways are through.

        ext4 looks at each file deleted in the last minutes before it makes another: who
        came next would pay for it.
        """
        self._places += 1
        return self._folder / str(self._places)

    def _ours(self, prepared: Path) -> tuple[Cost, Cost]:
        data = self._place()
        shutil.copytree(prepared, data)
        module = "tests.benchmarks.imageways.ours"
        command = [sys.executable, "-m", module, str(data), str(self._port)]
        costs = measure(command), measure(command)
        self._check(data / "images", "*/*.jpg")
        return costs

    def _peer(self, program: str, pattern: str) -> Cost:
        assert self._peers is not None
        addresses = self._folder / "addresses"
        local = f"http://127.0.0.1:{self._port}"
        lines = (f"{local}/{_path(number)}" for number in range(self._count))
        addresses.write_text("\n".join(lines))
        kept = self._place()
        kept.mkdir()
        python = str(_python_of(self._peers))
        cost = measure([python, str(WAYS / program), str(addresses), str(kept)])
        self._check(kept, pattern)
        return cost

    def _check(self, folder: Path, pattern: str) -> None:
        kept = sum(1 for _ in folder.glob(pattern))
        if kept != self._count:
            msg = f"{kept} of {self._count} images were kept in {folder}"
            raise RuntimeError(msg)


def tables(costs: Mapping[str, Sequence[Cost]], count: int) -> str:
    """Return what each way cost, and how ours compares, as two tables."""
    titles = ("way", "images/s", "CPU ms/image", "CPU s", "wall s", "peak MiB")
    rows = lay_out(titles, (_cells(way, each, count) for way, each in costs.items()))
    return f"\n{rows}\n\n{figures_table(figures(costs))}\n"


def figures(costs: Mapping[str, Sequence[Cost]]) -> list[Figure]:
    """Compare ours with the others."""
    ours = median(costs[OURS])
    goals = {"Scrapy": (3.5, None), "img2dataset": (2.0, None), "plain": (None, 0.5)}
    found = []
    for way, (least, most) in goals.items():
        if way in costs:
            peer = median(costs[way])
            speed = peer.wall_seconds / ours.wall_seconds
            share = ours.cpu_seconds / peer.cpu_seconds
            found += [
                Figure(f"images/s, by {way}'s", speed, "times", at_least=least),
                Figure(f"CPU per image, by {way}'s", share, "times", at_most=most),
            ]
    return found


def _cells(way: str, costs: Sequence[Cost], count: int) -> tuple[str, ...]:
    cost = median(costs)
    is_fresh = way == FRESH  # nobody is asked for an image
    return (
        way,
        "" if is_fresh else f"{count / cost.wall_seconds:,.0f}",
        "" if is_fresh else f"{1_000 * cost.cpu_seconds / count:.1f}",
        f"{cost.cpu_seconds:.2f}",
        f"{cost.wall_seconds:.2f}",
        f"{cost.peak_mib:.0f}",
    )


@contextmanager
def _served() -> Iterator[tuple[int, int]]:
    """Start the server; yield its port and the mean size of an image in bytes."""
    command = [sys.executable, str(WAYS / "server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port, size = map(int, process.stdout.readline().split())
        try:
            yield port, size
        finally:
            process.stdin.close()


def _path(number: int) -> str:
    return f"h{number % HOSTS}/{number}.jpg"


def _prepare(folder: Path, count: int) -> Path:
    """Make a data directory whose warehouse has *count* images that are due."""
    news = folder / "hub" / "_news"
    news.mkdir(parents=True)
    urls = [
        f"http://h{number % HOSTS}.bench.example/{_path(number)}"
        for number in range(count)
    ]
    for at in range(0, count, PER_ARTICLE):
        images = [{"url": url} for url in urls[at : at + PER_ARTICLE]]
        fields = {"webUrl": f"http://news.bench.example/{at}", "images": images}
        text = f"---\n{yaml.safe_dump(fields)}---\n"
        (news / f"{at:06}.md").write_text(text)
    source = SourceSettings(location=str(folder / "hub"))
    settings = Settings(sources=(source,), data=folder / "prepared")
    run_direct(read_sources, Job(settings, say=lambda _: None))
    return settings.data


def _peer_versions(peers: Path | None) -> str:
    """Return the versions of the others in the environment *peers*; "" if none."""
    if peers is None or not _python_of(peers).is_file():
        return ""
    told = "print(*(f'{name} {version(name)}' for name in argv[1:]), sep=', ')"
    program = f"from importlib.metadata import version; from sys import argv; {told}"
    command = [str(_python_of(peers)), "-c", program, *PEER_PACKAGES]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip()


def _python_of(peers: Path) -> Path:
    return peers.absolute() / "bin" / "python"


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks images")
    parser.add_argument(
        "--peers",
        type=Path,
        metavar="DIR",
        help="a virtual environment with the others",
    )
    parser.add_argument("--images", type=int, default=IMAGES, help="how many to fetch")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each way runs"
    )
    parser.add_argument(
        "--write", action="store_true", help="write this part of the page of results"
    )
    return parser.parse_args(words)
