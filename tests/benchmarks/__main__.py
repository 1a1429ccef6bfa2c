"""Speed of reading, as ratios against the naive way: `make bench`.

Each pair runs in turn, A B A B, as whole processes; what counts is CPU seconds of user
and system, medians of the rounds. Hubs: a made one, or those named on the command line.
"""

from __future__ import annotations

import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 3
FILES = 600  # of the made hub
ENTRIES = 30  # of `related` per file, drawn from a tenth as many as there are files
WIREHOUSE = Path(sys.executable).with_name("wirehouse")


def main(hubs: list[Path]) -> None:
    """Measure both ways on *hubs* and print medians and ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not hubs:
            hubs = [make_hub(folder / "hub")]
        rows: dict[str, list[float]] = {"naive": [], "full load": [], "second run": []}
        for number in range(ROUNDS):
            rows["naive"].append(cpu_seconds(naive(folder / f"naive{number}", hubs)))
            load = refresh(folder / f"data{number}", hubs)
            rows["full load"].append(cpu_seconds(load))
            rows["second run"].append(cpu_seconds(load))
            shutil.rmtree(folder / f"data{number}")
    base = statistics.median(rows["naive"])
    print(f"{'what':<12} {'CPU s (median)':>15} {'times less than naive':>22}")
    for what, seconds in rows.items():
        median = statistics.median(seconds)
        print(f"{what:<12} {median:>15.2f} {base / median:>22.1f}")


def naive(database: Path, hubs: Sequence[Path]) -> list[str]:
    """Return the command of the naive way."""
    module = "tests.benchmarks.naive"
    return [sys.executable, "-m", module, str(database), *map(str, hubs)]


def refresh(data: Path, hubs: Sequence[Path]) -> list[str]:
    """Return the command of our way."""
    sources = [part for hub in hubs for part in ("--source", str(hub))]
    options = ["--no-fetch", "--no-images", "--direct", "--json", "--data", str(data)]
    return [str(WIREHOUSE), "run", *sources, *options]


def cpu_seconds(command: Sequence[str]) -> float:
    """Run *command* and return the CPU seconds that it took, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_hub(folder: Path) -> Path:
    """Write a hub whose files repeat the same entries of `related`, as real ones do."""
    draw = random.Random(0)  # noqa: S311 - the same hub each time
    entries = [entry(number) for number in range(FILES // 10)]
    (folder / "_news").mkdir(parents=True)
    for number in range(FILES):
        related = "".join(draw.sample(entries, ENTRIES))
        text = (
            f'---\ncategory: news\ntitle: "Article {number}"\n'
            f"publishedDateTime: 2024-01-01T00:00:00Z\n"
            f'webUrl: "https://news.example/{number}"\nquality: {number % 100}\n\n'
            f"provider:\n  name: News\n  domain: news.example\n\n"
            f"topics:\n  - Topic {number % 20}\n\nrelated:\n{related}---\n"
        )
        (folder / "_news" / f"{number:05}.md").write_text(text, encoding="utf-8")
    return folder


def entry(number: int) -> str:
    """Return one entry of `related` as hubs write it."""
    site = f"https://site{number % 40}.example"
    return (
        f'  - title: "Related article {number}"\n    excerpt: "{"Words. " * 40}"\n'
        f"    publishedDateTime: 2023-01-01T00:00:00Z\n"
        f'    webUrl: "{site}/{number}"\n    type: article\n    provider:\n'
        f"      name: Site {number % 40}\n      domain: site{number % 40}.example\n"
        f"    quality: {number % 100}\n    images:\n"
        f'      - url: "{site}/{number}.jpg"\n        width: 100\n        height: 50\n'
        f"        isCached: true\n"
    )


if __name__ == "__main__":
    main([Path(hub) for hub in sys.argv[1:]])
