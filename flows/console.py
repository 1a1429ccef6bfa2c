"""What the `wirehouse` command prints: short, aligned, and what to do next."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
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


def tell_story(story: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print all that is known of an article: each part, its rows value by value."""
    for part, rows in story.items():
        out.print(f"{part}{'' if rows else ': none'}", style="bold")
        for row in rows:
            told = {name: value for name, value in row.items() if value not in ("", [])}
            for number, (name, value) in enumerate(told.items()):
                if value is not None:
                    mark = "-" if number == 0 else " "
                    out.print(f"  {mark} {name}: ", (_cell(value), "cyan"))


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


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a query's answer as CSV with a header."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
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
    return str(value)


def _csv_value(value: object) -> object:
    """Spell a list or map as JSON, and leave the rest to the CSV writer."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _near(path: Path) -> str:
    """Spell a path from here if it is below here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
