"""What is read from news pages, how well and how fast.

Run as `python -m tests.benchmarks extraction SETS`.

SETS is a folder with `zyte` (texts) and `postlight` (title, authors, date, image), each
with a `gold.jsonl`. Ours and the others run in turn, A B A B, each on one core; the
others by the Python of `--peers`. With `--half`, only every second page: rules are made
while looking at one half, and held against the other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from tasks.pages import read_page
from tasks.sandbox import run_sandboxed
from tests.benchmarks.extractors import EXTRACTORS
from tests.benchmarks.measure import one_core
from tests.benchmarks.results import (
    Facts,
    lay_out,
    machine_facts,
    packages,
    write_part,
)
from tests.benchmarks.scores import (
    same_authors,
    same_day,
    same_image,
    same_title,
    text_overlap,
)

ROUNDS = 3
SCRIPT = Path(__file__).with_name("extractors.py")
OURS = "wirehouse"
PREAMBLE = """\
# What is read from pages

Written by `python -m tests.benchmarks extraction SETS {options}--write`; not to be
edited.

- F1: that of the means of precision and recall of runs of four tokens, as zyte's
  article-extraction-benchmark counts, over {texts} texts
- title, authors, day, image: the share of {facts} pages with facts (postlight's) on
  which exactly this was found: the title but for blanks, the set of authors but for
  case, a day that can be the same in some zone, the address of the lead image
- invented: the share of pages of which the set knows no author where one was found; by
  eye: the same of the {unsigned} pages of both sets that name nobody to their readers
  (`signatures.txt`), for sets are silent on some pages that do
- pages/s: per CPU second on one core, each extractor warm, in turn with the others, the
  median of the rounds

The rules were made with these sets at hand, so other pages may fare worse.
"""
COLUMNS = (
    "", "F1", "title", "authors", "invented", "by eye", "day", "image", "pages/s",
)  # fmt: skip
GOALS = (
    "goal", "≥ 0.965", "≥ 0.80", "≥ 0.80", "≤ 0.05", "≤ 0.05", "≥ 0.95", "≥ 0.70",
    "≥ 25",
)  # fmt: skip
SIGNATURES = Path(__file__).with_name("signatures.txt")
# What a page of the sets cannot be, for all of them are articles.
BARRIERS = ("consent", "paywall", "soft_404")


@dataclass(frozen=True, slots=True)
class Case:
    """A page of a set, and what somebody found in it by eye."""

    file: str
    url: str
    gold: dict[str, str]


@dataclass(slots=True)
class Found:
    """What one extractor found in the pages of a set, and the CPU s of each round."""

    pages: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def per_second(self) -> float:
        """Return pages per CPU second, in the median round."""
        return len(self.pages) / statistics.median(self.seconds)


def main(words: Sequence[str]) -> None:
    """Measure, and print a table."""
    asked = _arguments(words)
    texts, facts = (read_set(asked.sets / n) for n in ("zyte", "postlight"))
    if asked.half:
        first = 0 if asked.half == "first" else 1
        texts, facts = texts[first::2], facts[first::2]
    python = str(asked.peers / "bin" / "python") if asked.peers else None
    found = {
        kind: run_all(cases, python, asked.rounds)
        for kind, cases in (("texts", texts), ("facts", facts))
    }
    rows = [
        _row(name, texts, found["texts"][name], facts, found["facts"][name])
        for name in found["texts"]
    ]
    told = lay_out(COLUMNS, [*rows, GOALS])
    pages = [*found["texts"][OURS].pages, *found["facts"][OURS].pages]
    told += f"\n\nTaken for what is no article, of {len(pages)}: {barriers(pages)}.\n"
    if asked.workers:
        ratio = workers_ratio(texts, asked.rounds)
        told += f"\nTwo workers by one: {ratio:.2f} times sooner (goal ≥ 1.8).\n"
    print(f"{len(texts)} texts, {len(facts)} pages with facts\n\n{told}")
    if asked.write:
        unsigned = sum(map(is_unsigned, (*texts, *facts)))
        known = {"texts": len(texts), "facts": len(facts), "unsigned": unsigned}
        options = "--peers DIR " if asked.peers else ""
        options += "--workers " if asked.workers else ""
        preamble = PREAMBLE.format(options=options, **known)
        write_part(preamble, _facts(python), f"\n{told}\n")


def _facts(python: str | None) -> Facts:
    """Return what was measured with; the load, for who shares the machine."""
    load = f"{os.getloadavg()[1]:.1f} processes, mean of the last 5 minutes"
    facts = [*machine_facts(), ("load", load)]
    facts.append(("packages", packages(("trafilatura", "lxml", "htmldate", "ftfy"))))
    if python:
        asking = f"from importlib.metadata import version as v; print({_VERSIONS})"
        done = subprocess.run([python, "-c", asking], capture_output=True, check=True)
        facts.append(("peers", done.stdout.decode().strip()))
    return facts


_VERSIONS = (
    "', '.join(f'{n} {v(n)}' for n in ('trafilatura', 'newspaper4k', 'resiliparse'))"
)


def read_set(folder: Path) -> list[Case]:
    """Return the pages of a set that have a gold, in the order of its file."""
    lines = (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Case(str(_page(folder, row["file"])), row["url"], row["gold"])
        for row in map(json.loads, lines)
        if row["gold"]
    ]


def _page(folder: Path, file: str) -> Path:
    """Return where a page is; some sets keep a mended copy of theirs."""
    page = folder / file
    return (
        page
        if page.is_file()
        else folder / f"{page.parent.name}_meta_restored" / page.name
    )


def is_unsigned(case: Case) -> bool:
    """Tell whether somebody saw, by eye, that the page names nobody who wrote it."""
    return _signatures().get(Path(case.file).name, "signed") != "signed"


@cache
def _signatures() -> dict[str, str]:
    lines = SIGNATURES.read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def barriers(pages: Iterable[dict[str, Any]]) -> str:
    """Count the pages with each flag that says they are no article, or no whole."""
    counts = Counter(flag for page in pages for flag in page["flags"])
    return ", ".join(f"{counts[flag]} {flag}" for flag in BARRIERS)


def run_all(cases: Sequence[Case], peers: str | None, rounds: int) -> dict[str, Found]:
    """Run each extractor that is there over *cases*, in turn, *rounds* times."""
    found: dict[str, Found] = defaultdict(Found)
    with tempfile.TemporaryDirectory() as name, one_core():
        listed = Path(name) / "pages.jsonl"
        lines = (json.dumps({"file": case.file, "url": case.url}) for case in cases)
        listed.write_text("\n".join(lines), encoding="utf-8")
        missing: set[str] = set()
        for _ in range(rounds):
            for extractor in [name for name in EXTRACTORS if name not in missing]:
                python = sys.executable if extractor == OURS else peers
                answer = _answers(python, extractor, listed)
                if answer is None:
                    missing.add(extractor)
                    continue
                *found[extractor].pages, last = answer
                found[extractor].seconds.append(last["cpu_seconds"])
    return {name: found[name] for name in EXTRACTORS if name in found}


def workers_ratio(cases: Sequence[Case], rounds: int) -> float:
    """Return how many times sooner two children are done than one."""
    contents = [Path(case.file).read_bytes() for case in cases] * 3
    walls: dict[int, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for workers in (1, 2):
            start = time.perf_counter()
            answers = run_sandboxed(
                partial(read_page, url="https://news.example/"),
                contents,
                seconds=20,
                memory_bytes=2_000_000_000,
                workers=workers,
            )
            sum(1 for _ in answers)
            walls[workers].append(time.perf_counter() - start)
    return statistics.median(walls[1]) / statistics.median(walls[2])


def _answers(
    python: str | None, extractor: str, listed: Path
) -> list[dict[str, Any]] | None:
    """Run an extractor over the pages *listed*; None, told, where it is missing."""
    if python is None:
        print(f"{extractor}: missing, name a Python that has it by --peers")
        return None
    command = [python, str(SCRIPT), extractor, str(listed)]
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, env=_environment()
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode(errors="replace").strip()
        print(f"{extractor}: missing, {said.rpartition(chr(10))[2] or error}")
        return None
    return [json.loads(line) for line in done.stdout.splitlines()]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}


def _row(
    name: str,
    texts: Sequence[Case],
    read: Found,
    facts: Sequence[Case],
    found: Found,
) -> tuple[str, ...]:
    pairs = zip(texts, read.pages, strict=True)
    f1 = text_overlap(
        (case.gold["text"], page.get("text") or "") for case, page in pairs
    )
    told = [
        _told(case.gold, page) for case, page in zip(facts, found.pages, strict=True)
    ]
    columns = COLUMNS[2:-1]
    told += [
        {"by eye": bool(page.get("authors"))}
        for case, page in zip(
            (*texts, *facts), (*read.pages, *found.pages), strict=True
        )
        if is_unsigned(case)
    ]
    knows_facts = any("title" in page for page in found.pages)  # some read texts alone
    shares = (
        _share(page[column] for page in told if column in page) if knows_facts else ""
        for column in columns
    )
    return (name, f"{f1.f1:.3f}", *shares, f"{read.per_second():.0f}")


def _told(gold: dict[str, str], page: dict[str, Any]) -> dict[str, bool]:
    """Judge what was found of all that the gold knows."""
    judged: dict[str, bool] = {}
    if "title" in gold:
        judged["title"] = same_title(gold["title"], page.get("title"))
    authors = page.get("authors") or []
    if "author" in gold:
        judged["authors"] = same_authors(gold["author"], authors)
    else:
        judged["invented"] = bool(authors)
    if "date_published" in gold:
        judged["day"] = same_day(gold["date_published"], page.get("date"))
    if "lead_image_url" in gold:
        judged["image"] = same_image(gold["lead_image_url"], page.get("image"))
    return judged


def _share(judged: Iterable[bool]) -> str:
    values = list(judged)
    return f"{sum(values) / len(values):.3f}" if values else ""


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks extraction")
    parser.add_argument("sets", type=Path, metavar="SETS", help="folder of the sets")
    parser.add_argument(
        "--peers", type=Path, metavar="DIR",
        help="a virtual environment with trafilatura, newspaper4k and resiliparse",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--half", choices=("first", "second"))
    parser.add_argument("--workers", action="store_true", help="two children by one")
    parser.add_argument(
        "--write", action="store_true", help="write this part of the page of results"
    )
    return parser.parse_args(words)
