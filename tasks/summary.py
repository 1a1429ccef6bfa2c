"""A run's numbers in words, for a terminal and for Prefect's artifacts. Pure."""

from __future__ import annotations

from collections import Counter
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
    ("stored files verified", "verified", (("damaged or missing", "damaged"),)),
)
# Told only if there are any: folders have no versions, and few runs verify.
SELDOM = frozenset({"versions", "verified"})


Row = Mapping[str, Any]
# What columns of `runs` are called; its books are closed before it is published.
_COLUMNS = {"run_number": "run", "seconds": "seconds before publishing"}
SHOWN_CHANGES = 20  # articles that are named; `wirehouse diff` names all
KEPT = ("loaded", "unchanged", "captured", "images_cached")  # what is published then

# How files were read that the line reader left; told only if there were any.
SLOW_WAYS = (
    ("by PyYAML", "by_pyyaml"),
    ("in child processes, being unusual", "in_sandbox"),
)


def summary_rows(summary: Row) -> list[tuple[str, str, str]]:
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


def summary_line(summary: Row) -> str:
    """Tell a run's counts in one line, part by part."""
    return "; ".join(f"{n} {what}: {fate}" for what, n, fate in summary_rows(summary))


def summary_markdown(
    story: str,
    summary: Row,
    runs: Sequence[Row],
    changes: Sequence[Row] | None,
    failures: Sequence[Row],
) -> str:
    """Tell a run in Markdown: what came in and changed, what failed, what to do.

    *runs* are this one and those before it, the newest first, *changes* the articles
    that are other than before (None: nothing was), *failures* what stands in the way.
    """
    parts = [
        f"# {story.capitalize()} {summary['status']} in {summary['seconds']} s",
        markdown_table(
            ("what came in", "count", "what became of it"), summary_rows(summary)
        ),
        "## What changed",
        _changes_markdown(changes),
    ]
    if failures:
        found = [(f["stage"], f["outcome"], f["count"], f["example"]) for f in failures]
        parts.append("## What stands in the way")
        parts.append(markdown_table(("stage", "outcome", "count", "example"), found))
    todo = "\n".join(f"- {_cell(line)}" for line in advice(summary))
    parts += ["## What to do next", todo]
    if runs:
        parts += ["## Against the last runs", _runs_markdown(runs)]
    if any(summary[source] for _, source, _ in PARTS):
        parts += ["## Where it came from and went", lineage(summary)]
    return "\n\n".join(parts) + "\n"


def broken_markdown(story: str, reason: str) -> str:
    """Tell in Markdown why a run is broken."""
    return (
        f"# {story.capitalize()} broken\n\n{_cell(reason)}\n\n## What to do next\n\n"
        "What was published stays as it was. Mend what the line names; the next run"
        " goes on from what this one did. `wirehouse status` shows what is due.\n"
    )


def advice(summary: Row) -> list[str]:
    """Say what to do about what a run could not do, worst first."""
    told = [f"mend or remove the source: {line}" for line in summary["unread"]]
    told += [
        f"look into the {count:,} rows that break the rule {name}: table `audits`"
        for name, count in summary["audits"].items()
    ]
    said = (
        ("damaged", "damaged or missing files: see the log; lost images are asked for"),
        ("rejected", "rejected files: table `rejections` names file, line and reason"),
        ("failed", "failed pages: asked again when due, or at once by `retry_failed`"),
        ("images_failed", "failed images: table `failures` says why"),
        ("deferred", "deferred pages: the next run asks for them"),
    )
    told += [f"{summary[key]:,} {words}" for key, words in said if summary[key]]
    return told or ['nothing; ask it: `wirehouse sql "from article_overview limit 20"`']


def lineage(summary: Row) -> str:
    """Draw a run as a Mermaid flow chart: what came from what, and how many."""
    lines = [
        f"  {_box(source, summary, words)} --> {_box(fate, summary, end)}"
        for words, source, fates in PARTS
        if summary[source]
        for end, fate in fates
        if summary[fate]
    ]
    lines += [
        f'  {fate} --> warehouse["news.duckdb"]' for fate in KEPT if summary[fate]
    ]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def _box(name: str, summary: Row, words: str) -> str:
    return f'{name}["{summary[name]:,} {words}"]'


def outcome_words(summary: Row, changes: Sequence[Row] | None) -> str:
    """Say in a run's name what came of it: `3 new, 2 changed`."""
    if summary["verified"]:
        return f"{summary['verified']:,} verified, {summary['damaged']:,} damaged"
    if changes is None:
        changes = [{"change": "new"}] * summary["loaded"]
    kinds = Counter(row["change"] for row in changes)
    words = [f"{kinds[k]:,} {k}" for k in ("new", "changed", "removed") if kinds[k]]
    if summary["pages"]:
        words.append(f"{summary['pages']:,} pages")
    return ", ".join(words) or "nothing new"


def _changes_markdown(changes: Sequence[Row] | None) -> str:
    if changes is None:
        return "There is no earlier state to compare this one with."
    if not changes:
        return "Nothing that an article says."
    rows = [
        (row["change"], row["title"], ", ".join(row["columns"]))
        for row in changes[:SHOWN_CHANGES]
    ]
    table = markdown_table(("change", "article", "what"), rows)
    more = len(changes) - len(rows)
    return f"{table}\n\n… and {more:,} more." if more else table


def _runs_markdown(runs: Sequence[Row]) -> str:
    names = [name for name in runs[0] if name != "started_at"]
    table = [[row[name] for name in names] for row in runs]
    return markdown_table([_COLUMNS.get(name, name) for name in names], table)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; a bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
