"""A run's numbers in words, for a terminal and for Prefect's artifacts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What is told of a run, part by part: the count that leads it, and those that follow.
PARTS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "article files",
        "files",
        (
            ("loaded", "loaded"),
            ("unchanged", "unchanged"),
            ("rejected", "rejected"),
        ),
    ),
    ("versions", "versions", (("without readable article", "versions_rejected"),)),
    (
        "pages due",
        "urls_due",
        (("captured", "captured"), ("failed", "failed"), ("deferred", "deferred")),
    ),
    (
        "images due",
        "images_due",
        (
            ("cached", "images_cached"),
            ("failed or rejected", "images_failed"),
            ("deferred", "images_deferred"),
        ),
    ),
)
SELDOM = frozenset({"versions"})  # told only if there are any: folders have none


# How files were read that the line reader left; told only if there were any.
SLOW_WAYS = (
    ("by PyYAML", "by_pyyaml"),
    ("in child processes, being unusual", "in_sandbox"),
)


def summary_rows(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return a row a part: what came in, how many, and what became of them."""
    rows = []
    for title, total, fates in PARTS:
        if total in SELDOM and not summary[total]:
            continue
        became = ", ".join(f"{summary[key]:,} {words}" for words, key in fates)
        rows.append((title, f"{summary[total]:,}", became))
    if slow := [(summary[key], words) for words, key in SLOW_WAYS if summary[key]]:
        ways = ", ".join(f"{count:,} {words}" for count, words in slow)
        total = sum(count for count, _ in slow)
        rows.insert(1, ("read the slow way", f"{total:,}", ways))
    return rows


def summary_markdown(
    summary: Mapping[str, Any], failures: Sequence[Mapping[str, Any]]
) -> str:
    """Tell a run in Markdown: what came in, what became of it, what failed and why."""
    rows = summary_rows(summary)
    parts = [
        f"# Refresh {summary['status']} in {summary['seconds']} s",
        markdown_table(("what came in", "count", "what became of it"), rows),
    ]
    if failures:
        found = [(f["stage"], f["outcome"], f["count"], f["example"]) for f in failures]
        parts.append("## What stands in the way")
        parts.append(markdown_table(("stage", "outcome", "count", "example"), found))
    parts.append(
        'Ask the published file: `wirehouse sql "from failures"`,'
        ' `wirehouse sql "from article_overview limit 20"`.'
    )
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; a bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
