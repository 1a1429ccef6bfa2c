"""What the `wirehouse` command prints: short, aligned, and what to do next."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.settings import (
    FILE_NAME,
    Settings,
    SettingValue,
    SourceSettings,
    describe_settings,
    without_password,
)
from tasks.summary import summary_rows

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from flows.services import State
    from tasks.doctor import Finding


class _Out:
    """Standard output or error, by rich where a person looks on.

    rich is imported when something is first styled: a scheduler's run never needs it.
    """

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr

    def print(self, *parts: Part, style: str = "") -> None:
        """Print one line of *parts*: texts, or texts with a style each."""
        stream = sys.stderr if self._stderr else sys.stdout
        if not stream.isatty():
            plain = (part if isinstance(part, str) else part[0] for part in parts)
            # Not by `print`, of which Prefect makes log lines within a flow.
            stream.write("".join(plain) + "\n")
            stream.flush()
            return
        from rich.text import Text  # noqa: PLC0415

        self.draw(Text.assemble(*parts, style=style))

    def draw(self, thing: object) -> None:
        """Print something that rich lays out."""
        self.console.print(thing, markup=False)

    @cached_property
    def console(self) -> Console:
        """Rich's side of it: one, so that what is said stands above a bar."""
        from rich.console import Console  # noqa: PLC0415

        return Console(stderr=self._stderr, highlight=False, soft_wrap=True)


Part = str | tuple[str, str]
# How a cell begins that a spreadsheet runs, full-width or not; and what only looks so.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?").fullmatch
out = _Out(stderr=False)
err = _Out(stderr=True)


def say(line: str) -> None:
    """Tell a step's outcome as it happens; on standard error, out of the data's way."""
    err.print(f"  {line}", style="dim")


def fail(message: str) -> None:
    """Print the one line that says what is wrong and what to do."""
    err.print(("wirehouse: ", "bold red"), message)


def tell_run(summary: Mapping[str, Any], data: Path, next_steps: Sequence[str]) -> None:
    """Print what a run did, where it is, and what to try next."""
    title = f"Run {summary['status']} in {summary['seconds']:.1f} s"
    color = "green" if summary["status"] == "complete" else "yellow"
    out.print(f"\n{title}", style=f"bold {color}")
    table = _grid(right={1})
    for row in summary_rows(summary):
        table.add_row(*row)
    out.draw(table)
    places = [data / name for name in ("news.duckdb", "parquet/", "report.html")]
    out.print("\nWhere it is", style="bold")
    for place in places:
        out.print(f"  {_near(place)}")
    out.print("\nTry next", style="bold")
    for command in next_steps:
        out.print(f"  {command}")


def tell_services(state: State) -> None:
    """Print what is up, when the next run is due, and how the last one went."""
    out.print("Services", style="bold")
    down = "not up: `wirehouse up` starts it"
    due = state.next_run
    rows = (
        ("Prefect UI", state.address or down),
        ("worker", f"process {state.worker.pid}" if state.worker else down),
        ("next run", f"{due:%Y-%m-%d %H:%M %Z}" if due else "none is scheduled"),
        ("last run", state.last_run or "the server knows of none"),
    )
    for name, value in rows if state.address or state.worker else rows[:1]:
        out.print(f"  {name:<10}  {value}")
    out.print("")


def tell_status(
    runs: Sequence[Mapping[str, Any]],
    due: Sequence[Mapping[str, Any]],
    failures: Sequence[Mapping[str, Any]],
) -> None:
    """Print the last runs, what is due, and what failed and why."""
    out.print("Last runs", style="bold")
    tell_rows(runs, "  none")
    out.print("\nDue now", style="bold")
    table = _grid(right={0})
    for row in due:
        table.add_row(f"{row['count']:,}", str(row["what"]))
    out.draw(table)
    out.print("\nWhat stands in the way", style="bold")
    for row in failures:
        what = f"{row['stage']} {row['outcome']}: {row['example']}"
        out.print(f"{row['count']:>7,}  {what}")
        out.print(f"         {row['example_subject']}", style="dim")
    if not failures:
        out.print("  nothing")


def tell_up(address: str, next_run: datetime) -> None:
    """Print where the Prefect UI is, when the next run is due, and how to end it."""
    rows = (
        ("Prefect UI", address),
        ("next run", f"{next_run:%Y-%m-%d %H:%M %Z}"),
        ("a run now", "wirehouse run, or in the UI"),
        ("to end it", "wirehouse down"),
    )
    for name, value in rows:
        out.print(f"  {name:<10}  {value}")


def tell_rows(rows: Sequence[Mapping[str, Any]], none: str) -> None:
    """Print rows below the names of their columns, or *none*."""
    if not rows:
        out.print(none)
        return
    table = _grid(header=True)
    for name in rows[0]:
        title = name.removesuffix("_number").removesuffix("_at")
        table.add_column(title, no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    out.draw(table)


# A cell that is longer stands out to the right, and does not make all others as wide.
_WIDEST = 60


def tell_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print what was looked at, its state and what to do."""
    if as_json:
        told = [{**asdict(each), "is_well": each.is_well} for each in findings]
        is_well = all(each.is_well for each in findings)
        print(json.dumps({"is_well": is_well, "findings": told}, ensure_ascii=False))  # noqa: T201
        return
    lines = [("what", "state", "what to do")]
    lines += [(each.what, each.state, each.advice) for each in findings]
    what, state = (
        max(len(line[column]) for line in lines if len(line[column]) <= _WIDEST)
        for column in (0, 1)
    )
    for number, line in enumerate(lines):
        style = "bold" if not number else "red" if line[2] else ""
        text = f"{line[0]:<{what}}  {line[1]:<{state}}  {line[2]}"
        out.print(text.rstrip(), style=style)


def tell_story(story: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print all that is known of an article: each part, what is empty left out.

    Rows of a few values are a line each below their names, the others a value a line.
    """
    for number, (part, rows) in enumerate(story.items()):
        if number:
            out.print("")
        named = part.replace("_", " ")
        out.print(f"{named}{'' if rows else ': none'}", style="bold")
        names = [n for n in _names(rows) if any(_is_told(row[n]) for row in rows)]
        tell = _tell_fields if len(names) > _LINE_VALUES else _tell_lines
        if rows:
            tell(names, rows[:_MOST_ROWS])
        if more := len(rows[_MOST_ROWS:]):
            out.print(f"  … and {more:,} more, which --json tells")


# A row of so many values is read as one line.
_LINE_VALUES = 6
# What a person reads of a part: an article may have thousands of edges.
_MOST_ROWS = 40


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(rows[0]) if rows else []


def _is_told(value: object) -> bool:
    return value is not None and value not in ("", [])


def _tell_fields(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    width = max(map(len, names))
    for number, row in enumerate(rows):
        if number:
            out.print("")
        for name in names:
            if _is_told(row[name]):
                out.print(f"  {name:<{width}}  ", (_cell(row[name]), "cyan"))


def _tell_lines(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    lines = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, cells in enumerate(lines):
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        out.print("  ", ("  ".join(padded).rstrip(), "cyan" if number else "dim"))


def tell_settings(values: Iterable[SettingValue]) -> None:
    """Print every setting as TOML has it, with where it came from and what it does."""
    for value in values:
        setting = f"{value.name} = {setting_text(value.value)}"
        note = f"# {value.origin}: {value.description}"
        out.print(f"{setting:<42}", (f"  {note}", "dim"))


def setting_text(value: object) -> str:
    """Write a setting's value as TOML does, sources by their locations."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(setting_text(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f'"{key}" = {setting_text(item)}' for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    shown = without_password(str(getattr(value, "location", value)))
    return json.dumps(shown, ensure_ascii=False)


class _UnixLines:
    """Standard output for the CSV writer, with lines that end as shells expect."""

    def write(self, line: str) -> None:
        sys.stdout.write(line.removesuffix("\r\n") + "\n")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a query's answer as CSV with a header, without formulas."""
    # It quotes a line break in a value only if its own line end has it.
    import csv  # noqa: PLC0415 - for this answer alone

    writer = csv.writer(_UnixLines(), lineterminator="\r\n")
    writer.writerow(map(_csv_value, columns))
    writer.writerows([_csv_value(value) for value in row] for row in rows)


def print_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a query's answer as a JSON list of objects."""
    objects = [dict(zip(columns, row, strict=True)) for row in rows]
    print(json.dumps(objects, ensure_ascii=False, indent=1, default=str))  # noqa: T201


def no_sources() -> str:
    """Say what to do where nothing was named to be read."""
    return (
        f"no source to read: name one with --source DIR, or list it in {FILE_NAME}"
        " (`wirehouse init` writes one); `wirehouse demo` shows it on a sample"
    )


def confirm(question: str) -> bool:
    """Ask whoever sits at the terminal; only a yes is one."""
    print(f"{question} [y/N]", end=" ", file=sys.stderr, flush=True)  # noqa: T201
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def settings_file() -> str:
    """Return a `wirehouse.toml` with every setting, commented out, and its reason."""
    lines = [
        "# Settings of Wirehouse. What is commented out shows the default.",
        "# The environment wins: WIREHOUSE_FETCH__CONCURRENCY=32, lists as JSON.",
    ]
    table = ""
    for value in describe_settings(Settings(), {}):
        part, _, name = value.name.rpartition(".")
        if part != table:
            table = part
            lines += ["", f"[{part}]"]
        lines += [f"# {value.description}", f"# {name} = {setting_text(value.value)}"]
        if name == "sources":
            lines[-1] = '# sources = ["../my-hub"]'
    lines += ["", "# A source may be a table instead, at the end of this file:"]
    lines += ["# [[sources]]", *_source_lines()]
    return "\n".join(lines) + "\n"


def _source_lines() -> list[str]:
    example = SourceSettings(location="https://forge.example/hub.git")
    return [
        f"# {knob.name} = {setting_text(getattr(example, knob.name))}"
        f"  # {knob.metadata['description']}"
        for knob in fields(SourceSettings)
    ]


def _grid(*, header: bool = False, right: Iterable[int] = ()) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, show_header=header, header_style="bold", padding=(0, 1))
    for index in range(3 if right else 0):
        table.add_column(justify="right" if index in right else "left")
    return table


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _csv_value(value: object) -> object:
    """Spell a list or map as JSON, neutralise a formula, and leave the rest as it is.

    Spreadsheets run a cell that begins like a formula, whoever wrote the title; after
    an apostrophe it is text (OWASP, CSV Injection). Numbers are no text and stay.
    """
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER(value):
        return f"'{value}"
    return value


def _near(path: Path) -> str:
    """Spell a path from here if it is below here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
