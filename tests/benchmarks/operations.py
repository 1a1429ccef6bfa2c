"""What Prefect costs: `python -m tests.benchmarks operations`.

The same run in turn as `wirehouse run --direct`, as a flow run on a server that is up,
and as one that starts a server for itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flows.services import find_service
from tests.benchmarks.measure import WIREHOUSE, Cost, measure, median
from tests.benchmarks.results import (
    figures_table,
    lay_out,
    machine_facts,
    packages,
    write_part,
)
from tests.benchmarks.rows import Figure
from tests.benchmarks.server import serve
from tests.benchmarks.site import HOSTS, addresses, make_hub
from tests.test_services import free_port

URLS = 2_000
ROUNDS = 5
DIRECT, UP, OWN = "--direct", "server that is up", "server of its own"
LEAST_SHARE = 5.0  # percent of the wall time, as issue 8 promises
LONGEST_START = 10.0  # seconds more than `--direct` where no server is up
TICKS = os.sysconf("SC_CLK_TCK")  # per second, see proc(5)
PREAMBLE = f"""\
# Cost of operations

Written by `python -m tests.benchmarks operations {{options}}--write`; not to be edited.

A first `wirehouse run` on a hub of articles whose pages, 80 KB each, are on {HOSTS}
hosts, all of them one server on loopback. Everything is as it is by default: each host
is asked once a second; read, fetched, kept, extracted, published. The three ways run in
turn, each as a whole process with its start, on a data directory of its own.

- {DIRECT}: without Prefect
- {UP}: a flow run on the server of `wirehouse up`, whose start is not counted; its CPU
  meanwhile is told beside the run's
- {OWN}: a flow run on a server that `wirehouse run` starts and ends

Prefect's share is what the run on a server takes longer than `{DIRECT}` did in the same
round, of its own time; what is told is the median of the rounds. CPU is that of user
and system of the run with its children.
"""


@dataclass(frozen=True, slots=True)
class Way:
    """How a run was started, and what that cost, round by round."""

    name: str
    costs: list[Cost] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)  # seconds meanwhile


def main(words: Sequence[str]) -> None:
    """Measure, and print tables of it."""
    asked = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="wirehouse-bench-") as name:
        ways = run_ways(Path(name), asked.urls, asked.rounds)
    told = tables(ways, figures(ways))
    print(told)
    if asked.write:
        facts = [
            *machine_facts(),
            ("packages", packages(("prefect", "duckdb"))),
            ("URLs", f"{asked.urls:,}"),
            ("rounds", str(asked.rounds)),
        ]
        write_part(PREAMBLE.format(options=""), facts, told)


def run_ways(folder: Path, urls: int, rounds: int) -> list[Way]:
    """Run each way in turn, so many *rounds*, on a hub of so many *urls*."""
    ways = [Way(DIRECT), Way(UP), Way(OWN)]
    with serve(0.0) as origin, _place(folder, urls, origin.port) as place:
        for _ in range(rounds):
            for way in ways:
                _run(way, place)
    return ways


@contextmanager
def _place(folder: Path, urls: int, port: int) -> Iterator[Path]:
    """A hub with settings for all ways, and a server that is up for one of them."""
    make_hub(folder / "hub", addresses(urls, 80))  # which `connect_to` leads elsewhere
    for name in (DIRECT, UP, OWN):
        place = folder / name
        place.mkdir()
        (place / "wirehouse.toml").write_text(
            f'sources = ["../hub"]\nprefect_port = {free_port()}\n'
            'schedule = "0 0 1 1 *"\nverify_schedule = "0 0 1 1 *"\n'
            f'[fetch]\nconnect_to = {{ "*" = "127.0.0.1:{port}" }}\n'
        )
    with _inside(folder / UP):
        try:
            subprocess.run([WIREHOUSE, "up"], check=True, stdout=subprocess.DEVNULL)
            yield folder
        finally:
            subprocess.run([WIREHOUSE, "down"], check=True, stdout=subprocess.DEVNULL)


def _run(way: Way, folder: Path) -> None:
    """Run once by one way, in a data directory without anything but a server's."""
    place = folder / way.name
    for kept in (place / "data").glob("*"):
        if kept.is_file():
            kept.unlink()
        elif kept.name != "prefect" or way.name == OWN:
            shutil.rmtree(kept)
    options = ["--direct"] if way.name == DIRECT else []
    with _inside(place):
        before = _server_cpu(place)
        way.costs.append(measure([WIREHOUSE, "run", *options]))
        way.server_cpu.append(_server_cpu(place) - before)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Be in *folder*, whose settings the command reads."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _server_cpu(place: Path) -> float:
    """Return the CPU seconds that a server which is up has taken; 0 without any."""
    service = find_service(place / "data", "server")
    if service is None:
        return 0.0
    # Behind the program's name in brackets: user and system time are fields 14 and 15.
    told = Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / TICKS


def figures(ways: Sequence[Way]) -> list[Figure]:
    """Compare the runs on a server with those without, round by round."""
    direct, up, own = ways
    longer = [_longer(*pair) for pair in zip(up.costs, direct.costs, strict=True)]
    shares = [
        100 * more / cost.wall_seconds
        for more, cost in zip(longer, up.costs, strict=True)
    ]
    cpu = median(up.costs).cpu_seconds - median(direct.costs).cpu_seconds
    starts = [_longer(*pair) for pair in zip(own.costs, direct.costs, strict=True)]
    middle = statistics.median
    return [
        Figure("Prefect's share of wall time, server up", middle(shares), "%",
               at_most=LEAST_SHARE),
        Figure("wall time more than --direct, server up", middle(longer), "s"),
        Figure("CPU of the run more than --direct, server up", cpu, "s"),
        Figure("CPU of the server meanwhile", middle(up.server_cpu), "s"),
        Figure("wall time more than --direct, server of its own", middle(starts), "s",
               at_most=LONGEST_START),
    ]  # fmt: skip


def _longer(cost: Cost, direct: Cost) -> float:
    return cost.wall_seconds - direct.wall_seconds


def tables(ways: Sequence[Way], found: Sequence[Figure]) -> str:
    """Return ways and figures as two tables."""
    rows = lay_out(("way", "wall s", "CPU s", "peak MiB", "rounds, wall s"),
                   map(_cells, ways))  # fmt: skip
    return f"\n{rows}\n\n{figures_table(found)}\n"


def _cells(way: Way) -> tuple[str, ...]:
    cost = median(way.costs)
    return (
        way.name,
        f"{cost.wall_seconds:.2f}",
        f"{cost.cpu_seconds:.2f}",
        f"{cost.peak_mib:.0f}",
        " ".join(f"{each.wall_seconds:.1f}" for each in way.costs),
    )


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks operations")
    parser.add_argument("--urls", type=int, default=URLS, help="how many pages")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each way runs"
    )
    parser.add_argument(
        "--write", action="store_true", help="write this part of the results anew"
    )
    asked = parser.parse_args(words)
    if asked.urls < 1 or asked.rounds < 1:
        parser.error("--urls and --rounds are at least 1")
    return asked
