"""Speed of reading, as ratios against the naive way: `make bench`.

With `fetching`, `images`, `extraction`, `text`, `warehouse` or `operations` as first
word, that instead: see the modules of these names.

Each way runs in turn, A B A B, as whole processes; what counts is CPU seconds of user
and system, medians of the rounds. Hubs: a made one, or those named on the command line.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import (
    extraction,
    fetching,
    images,
    operations,
    text,
    warehouse,
)
from tests.benchmarks.history import measure_history
from tests.benchmarks.hubs import make_hub
from tests.benchmarks.reading import (
    measure_reading,
    measure_scaled,
    measure_unchanged,
)
from tests.benchmarks.results import tables, write_page

ROUNDS = 3


def main() -> None:
    """Measure what the command line asks for, and print tables of it."""
    rooms = (fetching, images, extraction, text, warehouse, operations)
    others = {room.__name__.rpartition(".")[2]: room.main for room in rooms}
    if other := others.get("".join(sys.argv[1:2])):
        other(sys.argv[2:])
        return
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="wirehouse-bench-") as name:
        folder = Path(name)
        hubs = asked.hubs or [make_hub(folder / "made-hub")]
        results = measure_reading(hubs, folder, asked.rounds)
        if asked.scale:
            results += measure_unchanged(hubs, folder, asked.rounds)
            results += measure_scaled(hubs, folder, asked.rounds, asked.scale)
        if asked.history:
            results += measure_history(asked.history, folder, asked.rounds)
    print(tables(results))
    if asked.write:
        write_page(results, [hub.name for hub in hubs], _options(asked))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "hubs", nargs="*", type=Path, metavar="HUB", help="hub to read, not a made one"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each way runs"
    )
    parser.add_argument(
        "--scale", type=int, default=0, metavar="N",
        help="measure N times the files too, a multiple of 4: half an hour for 16",
    )  # fmt: skip
    parser.add_argument(
        "--history", type=Path, metavar="BUNDLE",
        help="measure a git history of more than 300 commits too",
    )  # fmt: skip
    parser.add_argument(
        "--write", action="store_true", help="write the page of results anew"
    )
    asked = parser.parse_args()
    if asked.scale % 4 or asked.scale < 0 or asked.rounds < 1:
        parser.error("--scale is a multiple of 4, --rounds at least 1")
    return asked


def _options(asked: argparse.Namespace) -> str:
    """Return the options as they were given, without the folders of this machine."""
    scale = f"--scale {asked.scale} " if asked.scale else ""
    history = f"--history {asked.history.name} " if asked.history else ""
    return "".join(f"{hub.name} " for hub in asked.hubs) + scale + history


if __name__ == "__main__":
    main()
