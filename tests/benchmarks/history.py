"""The rows on git: what changed in a hundred commits, and a whole history."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.measure import WIREHOUSE, Cost, measure, median, refresh
from tests.benchmarks.rows import Figure, Results, Row, beyond

COMMITS = 100  # that a run of somebody who reads once a day may find new


def measure_history(bundle: Path, folder: Path, rounds: int) -> Results:
    """Measure a git source made of *bundle*: its next commits, then all of them."""
    repository = folder / "history.git"
    _git("clone", "--quiet", "--bare", str(bundle), str(repository))
    results = _measure_commits(repository, folder / "commits", rounds)
    return results + _measure_backfill(repository, folder / "backfill", rounds)


def _measure_commits(repository: Path, data: Path, rounds: int) -> Results:
    """Read the repository as it was, then a hundred commits later, again and again."""
    branch = _in(repository, "symbolic-ref", "HEAD")
    revisions = [
        _in(repository, "rev-parse", f"HEAD~{COMMITS * back}")
        for back in range(rounds, -1, -1)
    ]
    _in(repository, "update-ref", branch, revisions[0])
    measure(refresh(data, [repository]))
    costs: dict[str, list[Cost]] = defaultdict(list)
    for revision in revisions[1:]:
        _in(repository, "update-ref", branch, revision)
        costs["version"].append(measure([WIREHOUSE, "--version"]))
        costs["commits"].append(measure(refresh(data, [repository])))
        costs["nothing new"].append(measure(refresh(data, [repository])))
    what = f"{COMMITS} commits"
    start, nothing = costs["version"], costs["nothing new"]
    return Results(
        [
            Row(f"git, {what} later", costs["commits"]),
            Row("git, nothing new", nothing),
        ],
        [
            Figure(
                f"{what}, beyond `wirehouse --version`",
                beyond(costs["commits"], start),
                "s",
                0.5,
            ),
            Figure(
                f"{what}, beyond a run with nothing new",
                beyond(costs["commits"], nothing),
                "s",
            ),
        ],
    )


def _measure_backfill(repository: Path, data: Path, rounds: int) -> Results:
    """Back-fill a source that was never read, and one that was read before."""
    source = ["--source", str(repository), "--data", str(data), "--json"]
    backfill = [WIREHOUSE, "backfill", *source]
    costs: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(rounds):
        costs["at once"].append(measure(backfill))
        shutil.rmtree(data)
        measure(refresh(data, [repository]))
        costs["later"].append(measure(backfill))
        shutil.rmtree(data)
    versions = _versions(repository)
    what = f"back-fill of {versions:,} versions"
    works = {"at once": f"{what}, source never read", "later": f"{what}, source read"}
    return Results(
        [Row(work, costs[name]) for name, work in works.items()],
        [
            Figure(
                work,
                versions / median(costs[name]).wall_seconds,
                "versions/s",
                at_least=3_000,
            )
            for name, work in works.items()
        ],
    )


def _versions(repository: Path) -> int:
    """Count the versions of article files as git tells them: added or changed."""
    options = ["--raw", "--no-renames", "--format=", "--diff-filter=AM"]
    return len(_in(repository, "log", *options, "--", "_news/*.md").splitlines())


def _in(repository: Path, *arguments: str) -> str:
    return _git("-C", str(repository), *arguments)


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()
