"""What was measured, as Markdown: on the terminal, and as the page of results."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.measure import median
from tests.benchmarks.rows import Figure, Results, Row

PAGE = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("duckdb", "pyarrow", "python-frontmatter", "pyyaml")
PREAMBLE = """\
# Speed of reading

Written by `python -m tests.benchmarks {options}--write`; not to be edited.

Naive is what one writes first (`naive.py`): python-frontmatter per file, rows
deduplicated in dicts, `executemany`. Each work is a whole process, its start included.
Both ways run in turn in one run of the benchmark; what is compared is CPU seconds, user
and system, of the process and its children. Medians of the rounds; peak memory is the
largest.
"""


def write_page(results: Results, hubs: Sequence[str], options: str) -> None:
    """Write the page of results beside this file."""
    facts = "\n".join(f"- {name}: {value}" for name, value in _facts(hubs))
    parts = [PREAMBLE.format(options=options), facts, tables(results)]
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def tables(results: Results) -> str:
    """Return rows and figures as two tables."""
    rows = table(
        ("work", "naive CPU s", "CPU s", "times less", "goal", "wall s", "peak MiB",
         "rounds"),
        map(_cells, results.rows),
    )  # fmt: skip
    figures = table(("figure", "measured", "goal"), map(_told, results.figures))
    return f"\n{rows}\n\n{figures}\n"


def _cells(row: Row) -> tuple[str, ...]:
    ours = median(row.ours)
    return (
        row.work,
        f"{median(row.naive).cpu_seconds:.2f}" if row.naive else "",
        f"{ours.cpu_seconds:.2f}",
        f"{row.ratio:.1f}" if row.ratio is not None else "",
        f"≥ {row.goal:g}, {_met(row.is_met)}" if row.goal is not None else "",
        f"{ours.wall_seconds:.2f}",
        f"{ours.peak_mib:.0f}",
        _rounds(row),
    )


def _rounds(row: Row) -> str:
    ours, naive = len(row.ours), len(row.naive)
    return f"{ours}, naive {naive}" if naive and naive != ours else str(ours)


def _told(figure: Figure) -> tuple[str, ...]:
    goal = ""
    if figure.at_most is not None:
        goal = f"≤ {figure.at_most:,g}, {_met(figure.is_met)}"
    elif figure.at_least is not None:
        goal = f"≥ {figure.at_least:,g}, {_met(figure.is_met)}"
    value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.2f}"
    return figure.what, f"{value} {figure.unit}", goal


def _met(is_met: bool | None) -> str:  # noqa: FBT001 - the value itself is told
    return "met" if is_met else "**missed**"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a Markdown table that can be read as it is; numbers to the right."""
    cells = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = (
        " | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in (titles, rule, *cells[1:])
    )
    return "\n".join(f"| {line} |" for line in lines)


def _facts(hubs: Sequence[str]) -> list[tuple[str, str]]:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        ("hubs", ", ".join(hubs)),
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("commit", _commit()),
        ("machine", f"{len(os.sched_getaffinity(0))} cores of {_processor()}"),
        ("memory", f"{_memory_gib():.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("packages", packages),
    ]


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PAGE.parent), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    page = f":(exclude,top){PAGE.relative_to(git('rev-parse', '--show-toplevel'))}"
    changed = git("status", "--porcelain", "--", ":(top)", page)
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def _processor() -> str:
    """Return what the processor calls itself, or at least its architecture."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return " ".join(next(names, platform.machine()).split())


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
