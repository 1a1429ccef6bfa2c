"""The rows on reading folders: loaded in full, unchanged, changed a little, larger."""

from __future__ import annotations

import math
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.hubs import change_some, copy_hubs, count_files
from tests.benchmarks.measure import (
    WIREHOUSE,
    Cost,
    measure,
    median,
    naive,
    one_core,
    refresh,
)
from tests.benchmarks.rows import Figure, Results, Row, beyond

SETTLE_SECONDS = 2.5  # a file younger than 2 s counts as changed, see tasks/sources
MANY_FILES = 7_500  # that a run without changes should pass in a second
MAX_MEMORY_MIB = 600
MAX_GROWTH = 1.15  # time per file, against a quarter of the files
Costs = dict[str, list[Cost]]


def measure_reading(hubs: Sequence[Path], folder: Path, rounds: int) -> Results:
    """Measure *hubs* as they are; they are copied to *folder*, so that some change."""
    hubs = copy_hubs(hubs, folder / "once", 1)
    empty = folder / "empty"
    (empty / "_news").mkdir(parents=True)
    costs: Costs = defaultdict(list)
    changed = 0
    for number in range(rounds):
        time.sleep(SETTLE_SECONDS)
        data = folder / f"data{number}"
        costs["naive"].append(measure(naive(folder / f"naive{number}", hubs)))
        costs["load"].append(measure(refresh(data, hubs)))
        costs["again"].append(measure(refresh(data, hubs)))
        changed = change_some(hubs, number)
        costs["changed"].append(measure(refresh(data, hubs)))
        with one_core():
            costs["one core"].append(measure(refresh(folder / f"one{number}", hubs)))
        costs["version"].append(measure([WIREHOUSE, "--version"]))
        measure(refresh(folder / f"nothing{number}", [empty]))
        costs["nothing"].append(measure(refresh(folder / f"nothing{number}", [empty])))
        shutil.rmtree(data)
        shutil.rmtree(folder / f"one{number}")
    files, base = count_files(hubs), costs["naive"]
    gain = median(costs["one core"]).wall_seconds / median(costs["load"]).wall_seconds
    return Results(
        [
            Row(f"full load of {files:,} files", costs["load"], base, 12),
            Row("second run, nothing changed", costs["again"], base, 100),
            Row(f"{changed:,} files changed", costs["changed"], base, 50),
            Row("full load on one core", costs["one core"], base),
            Row("`wirehouse --version`", costs["version"]),
            Row("second run on an empty hub", costs["nothing"]),
        ],
        [Figure("wall time on one core, by that on all cores", gain, "times")],
    )


def measure_scaled(
    hubs: Sequence[Path], folder: Path, rounds: int, times: int
) -> Results:
    """Measure *times* as many files with new addresses, and a quarter of those.

    Naive runs once: it takes many minutes, and one round in a hundred of its CPU is
    no matter.
    """
    many = copy_hubs(hubs, folder / "many", times)
    some = copy_hubs(hubs, folder / "some", times // 4)
    time.sleep(SETTLE_SECONDS)
    costs: Costs = defaultdict(list)
    for number in range(rounds):
        if number == 0:
            costs["naive"].append(measure(naive(folder / "naive", many)))
            (folder / "naive").unlink()
        for name, sources in (("some", some), ("many", many)):
            costs[name].append(measure(refresh(folder / "data", sources)))
            shutil.rmtree(folder / "data")
    files, fewer = count_files(many), count_files(some)
    per_file = [
        median(costs[name]).cpu_seconds / count
        for name, count in (("many", files), ("some", fewer))
    ]
    peak = median(costs["many"]).peak_mib
    return Results(
        [
            Row(f"full load of {files:,} files", costs["many"], costs["naive"], 40),
            Row(f"full load of {fewer:,} files", costs["some"]),
        ],
        [
            Figure(f"peak memory, {files:,} files", peak, "MiB", MAX_MEMORY_MIB),
            Figure(f"CPU per file, {files:,} files", 1000 * per_file[0], "ms"),
            Figure(
                f"CPU per file, by that of {fewer:,} files",
                per_file[0] / per_file[1],
                "times",
                MAX_GROWTH,
            ),
        ],
    )


def measure_unchanged(hubs: Sequence[Path], folder: Path, rounds: int) -> Results:
    """Measure how long a run without changes takes for many files, beyond its start."""
    times = math.ceil(MANY_FILES / count_files(hubs))
    many = copy_hubs(hubs, folder / "unchanged", times)
    time.sleep(SETTLE_SECONDS)
    measure(refresh(folder / "kept", many))
    costs: Costs = defaultdict(list)
    for _ in range(rounds):
        costs["version"].append(measure([WIREHOUSE, "--version"]))
        costs["again"].append(measure(refresh(folder / "kept", many)))
    what = f"second run of {count_files(many):,} files"
    seconds = beyond(costs["again"], costs["version"])
    return Results(
        [Row(f"{what}, nothing changed", costs["again"])],
        [Figure(f"{what}, beyond `wirehouse --version`", seconds, "s", 1.0)],
    )
