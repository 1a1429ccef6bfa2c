"""Speed of a large warehouse: `python -m tests.benchmarks warehouse`.

Loading a thousand changed articles, publishing, and every view, in warehouses made by
SQL of growing size, each against what it is measured by: an empty warehouse, the bytes
copied, a statement written by hand. Each work is a process of its own, in turn.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.run import working_file
from tests.benchmarks.hubs import make_hub
from tests.benchmarks.large import Costs, questions
from tests.benchmarks.made import EDGES_EACH
from tests.benchmarks.results import (
    figures_table,
    lay_out,
    machine_facts,
    packages,
    write_part,
)
from tests.benchmarks.rows import Figure

CHANGED = 1_000
MAX_LOAD, MAX_PUBLISH, MAX_VIEW = 2, 1.3, 1.2  # times
MAX_MEMORY_MIB = 2_000
_HEAT = re.compile(r"^heat: (\d+)", re.MULTILINE)
_FIRST_RELATED = re.compile(r"^related:\n(  - .*\n(?:    .*\n)+)", re.MULTILINE)
PREAMBLE = """\
# Speed of a large warehouse

Written by `python -m tests.benchmarks warehouse --articles {sizes} --write`; not to be
edited.

Warehouses made by SQL (`made.py`): each article has a file, {edges} edges, two topics
and a try to fetch it, every fifth an image and a page. A folder of {changed:,} articles
was loaded into each and into an empty one; then all of them change, and are loaded
again. *Heat* is a change of their heat alone, as 98 of 100 changes of real hubs are;
*lists* one of what they relate to. *File* is publishing without audits, Parquet and
report; what is published follows a run that was, and changed their heat. All is CPU
seconds; medians of {rounds} rounds, for views the least of three.
"""
Measured = dict[tuple[int, str], Costs]


def main(words: Sequence[str]) -> None:
    """Measure, and print tables of it."""
    asked = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="wirehouse-bench-", dir=asked.folder) as n:
        measured = measure_all(Path(n), asked.articles, CHANGED, asked.rounds)
    told = tables(measured, asked.articles)
    print(told)
    if asked.write:
        facts = [*machine_facts(), ("packages", packages(("duckdb", "pyarrow")))]
        preamble = PREAMBLE.format(
            sizes=" ".join(map(str, asked.articles)), edges=EDGES_EACH,
            changed=CHANGED, rounds=asked.rounds,
        )  # fmt: skip
        write_part(preamble, facts, told)


def measure_all(
    folder: Path, sizes: Sequence[int], changed: int, rounds: int
) -> Measured:
    """Return what each work cost, by the size of the warehouse; 0 is an empty one.

    A warehouse that is in *folder* already is not made again.
    """
    hub = make_hub(folder / "hub", changed)
    rounds_of: dict[tuple[int, str], list[Costs]] = defaultdict(list)
    for size in (0, *sizes):
        data = folder / str(size)
        if size and not working_file(data).is_file():
            _made(working_file(data), size)
        _work("publish", data, hub)
    for _ in range(rounds):
        for work, change in (("heat", _hotter), ("lists", _shorter)):
            change_all(hub, change)
            for size in (0, *sizes):
                rounds_of[size, work].append(_work("load", folder / str(size), hub))
        for _ in range(2):  # the second follows a run that was published, as most do
            change_all(hub, _hotter)
            published = {
                size: _work("publish", folder / str(size), hub) for size in (0, *sizes)
            }
        for size in (0, *sizes):
            rounds_of[size, "copy"].append(_work("copy", folder / str(size)))
            rounds_of[size, "publish"].append(published[size])
    measured = {key: _median(costs) for key, costs in rounds_of.items()}
    for size in sizes:
        measured[size, "ask"] = _work("ask", folder / str(size))
        shutil.rmtree(folder / str(size))
    return measured


def change_all(hub: Path, change: object) -> None:
    """Rewrite every file of *hub* with a *change* of its text."""
    assert callable(change)
    for file in hub.glob("_news/*.md"):
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")


def tables(measured: Mapping[tuple[int, str], Costs], sizes: Sequence[int]) -> str:
    """Return all that was measured as tables."""
    loads = [_load_row(measured, size) for size in (0, *sizes)]
    views = [_view_row(measured, name, sizes) for name in questions()]
    parts = [
        lay_out(("articles", "edges", "MB", "load: heat", "load: lists", "peak MiB",
                 "copy", "publish", "file", "audits", "Parquet", "report", "peak MiB"),
                loads),
        lay_out(("view", *(f"{size:,}: s, by hand" for size in sizes)), views),
        figures_table(figures(measured, sizes[-1])),
    ]  # fmt: skip
    return "\n" + "\n\n".join(parts) + "\n"


def figures(measured: Mapping[tuple[int, str], Costs], size: int) -> list[Figure]:
    """Return what the largest warehouse is held against."""
    of = {work: costs for (many, work), costs in measured.items() if many == size}
    empty = {work: costs for (many, work), costs in measured.items() if many == 0}
    asked, published, copied = of["ask"], of["publish"], of["copy"]["copy"]
    ratios = {n: asked[f"view {n}"] / asked[f"hand {n}"] for n in questions()}
    worst = max(ratios, key=lambda name: ratios[name])
    peak = max(costs.get("peak_mib", 0) for costs in of.values())
    heat = of["heat"]["load"] / empty["heat"]["load"]
    lists = of["lists"]["load"] / empty["lists"]["load"]
    return [
        Figure("heat changed, by an empty warehouse", heat, "times", MAX_LOAD),
        Figure("lists changed, by an empty warehouse", lists, "times", MAX_LOAD),
        Figure("the published file, by copying the bytes",
               published["file"] / copied, "times", MAX_PUBLISH),
        Figure("all of publishing, by copying the bytes",
               published["publish"] / copied, "times", MAX_PUBLISH),
        Figure(f"slowest view by hand ({worst})", ratios[worst], "times", MAX_VIEW),
        Figure("peak memory of load and publish", peak, "MiB", MAX_MEMORY_MIB),
    ]  # fmt: skip


def _load_row(measured: Mapping[tuple[int, str], Costs], size: int) -> list[str]:
    heat, lists = measured[size, "heat"], measured[size, "lists"]
    copied, published = measured[size, "copy"], measured[size, "publish"]
    peak = max(heat["peak_mib"], lists["peak_mib"])
    seconds = (
        copied["copy"],
        *(published[n] for n in ("publish", "file", "audits", "parquet", "report")),
    )
    return [
        f"{size:,}", f"{size * EDGES_EACH:,}", f"{copied['bytes'] / 1e6:,.0f}",
        f"{heat['load']:.2f}", f"{lists['load']:.2f}", f"{peak:.0f}",
        *(f"{value:.2f}" for value in seconds), f"{published['peak_mib']:.0f}",
    ]  # fmt: skip


def _view_row(
    measured: Mapping[tuple[int, str], Costs], name: str, sizes: Sequence[int]
) -> list[str]:
    pairs = (
        (measured[size, "ask"][f"view {name}"], measured[size, "ask"][f"hand {name}"])
        for size in sizes
    )
    return [name, *(f"{view:.3f}, {view / hand:.2f} times" for view, hand in pairs)]


def _work(name: str, data: Path, *hub: Path) -> Costs:
    module = "tests.benchmarks.large"
    command = [sys.executable, "-m", module, name, str(data), *map(str, hub)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(f"{name} {data.name}: {done.stdout.strip()}", file=sys.stderr)
    costs: Costs = json.loads(done.stdout)
    return costs


def _made(path: Path, size: int) -> None:
    """Make a warehouse in a process of its own, whose memory nobody inherits."""
    module = "tests.benchmarks.made"
    subprocess.run([sys.executable, "-m", module, str(path), str(size)], check=True)


def _median(rounds: Sequence[Costs]) -> Costs:
    return {part: statistics.median(r[part] for r in rounds) for part in rounds[0]}


def _hotter(text: str) -> str:
    return _HEAT.sub(lambda found: f"heat: {int(found[1]) + 1}", text, count=1)


def _shorter(text: str) -> str:
    return _FIRST_RELATED.sub("related:\n", text, count=1)


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks warehouse")
    parser.add_argument(
        "--articles", type=int, nargs="+", default=[10_000, 100_000], metavar="N",
        help="sizes, in order; 1000000 takes 12 GB of disk and half an hour",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="how often each runs")
    parser.add_argument("--folder", type=Path, help="where warehouses are made")
    parser.add_argument("--write", action="store_true", help="write the results anew")
    return parser.parse_args(words)
