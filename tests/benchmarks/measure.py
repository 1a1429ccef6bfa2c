"""What a process costs: run whole, its children counted with it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

WIREHOUSE = str(Path(sys.executable).with_name("wirehouse"))
MIB_PER_MAXRSS = 1 / (2**20 if sys.platform == "darwin" else 2**10)  # getrusage(2)
SAID_AT_MOST = 2_000  # bytes of a failed command's last words that are shown


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of user and system, time on the clock, and the most memory at one time."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def measure(command: Sequence[str], output: BinaryIO | None = None) -> Cost:
    """Run *command* to its end and return its cost; *output* takes what it prints.

    Raises `RuntimeError` with its last words if it fails.
    """
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        stdout = subprocess.DEVNULL if output is None else output
        process = subprocess.Popen(command, stdout=stdout, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(max(0, said.tell() - SAID_AT_MOST))
            msg = f"{' '.join(command)} failed: {said.read().decode(errors='replace')}"
            raise RuntimeError(msg)
    cpu_seconds = usage.ru_utime + usage.ru_stime
    print(f"{cpu_seconds:9.2f} CPU s  {_short(command)}", file=sys.stderr)
    return Cost(cpu_seconds, wall_seconds, usage.ru_maxrss * MIB_PER_MAXRSS)


def median(costs: Sequence[Cost]) -> Cost:
    """Return the medians of several rounds, and the largest of their peaks."""
    return Cost(
        statistics.median(cost.cpu_seconds for cost in costs),
        statistics.median(cost.wall_seconds for cost in costs),
        max(cost.peak_mib for cost in costs),
    )


def _short(command: Sequence[str]) -> str:
    return " ".join(Path(part).name for part in command if not part.startswith("--"))


@contextmanager
def one_core() -> Iterator[None]:
    """Let what is started inside run on one core alone, as `taskset` does."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def naive(database: Path, hubs: Sequence[Path]) -> list[str]:
    """Return the command of the naive way."""
    module = "tests.benchmarks.naive"
    return [sys.executable, "-m", module, str(database), *map(str, hubs)]


def refresh(data: Path, sources: Sequence[Path]) -> list[str]:
    """Return the command of our way."""
    named = [part for source in sources for part in ("--source", str(source))]
    options = ["--no-fetch", "--no-images", "--direct", "--json", "--data", str(data)]
    return [WIREHOUSE, "run", *named, *options]
