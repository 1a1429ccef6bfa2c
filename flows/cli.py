"""The `wirehouse` command: reads what was asked, runs it, says what came of it.

Exit status: 0 the run is complete (rejections and failed addresses are data), 1 broken
or a source could not be read, 2 wrong usage, 3 another run holds the data directory,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flows import console, refresh
from flows.backfill import backfill as tell_backfill
from flows.direct import Story, run_direct
from flows.progress import shown
from tasks.lock import LockHeldError, hold_lock
from tasks.publish import PUBLISHED, AuditError
from tasks.run import BrokenError, IncompleteError, Job, Run, version
from tasks.settings import (
    FILE_NAME,
    Settings,
    SettingsError,
    describe_settings,
    load_settings,
)
from tasks.sources.location import NO_HISTORY, SourceError, locate_source
from tasks.stages.sources import check_sources
from tasks.steps import Steps
from tasks.warehouse import WarehouseError, open_published

BROKEN, WRONG_USAGE, HELD, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn Markdown news hubs into a DuckDB warehouse.",
)
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="SRC",
        help="Folder, git repository or archive to read, or the name of a configured"
        " source; may be repeated.",
    ),
]
GitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source", metavar="GIT", help="Git repository to read; may be repeated."
    ),
]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Data directory.")
]
DirectOption = Annotated[
    bool, typer.Option("--direct", help="Run in this process, without Prefect.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the summary as one JSON object.")
]


@app.command()
def run(  # noqa: PLR0913 - one parameter an option
    source: SourceOption = None,
    data: DataOption = None,
    *,
    no_fetch: Annotated[
        bool, typer.Option("--no-fetch", help="Leave pages alone.")
    ] = False,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Leave images alone.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Read unchanged files too.")
    ] = False,
    direct: DirectOption = False,
    as_json: JsonOption = False,
) -> None:
    """Refresh the warehouse: read what changed, fetch, cache, publish."""
    settings = _settings(source, data)
    if not settings.sources:
        raise SourceError(console.no_sources())
    check_sources(settings.sources)  # a wrong name is told before anything is started
    job = Job(
        settings,
        full=full,
        with_pages=not no_fetch,
        with_images=not no_images,
        say=console.say,
    )
    with _interruptible():
        summary = _refresh(job, direct=direct)
    _finish(summary, settings, 'sql {} "from failures"', as_json=as_json)


@app.command()
def demo(
    data: DataOption = None,
    *,
    direct: DirectOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run on the bundled sample hub and press site, offline."""
    from flows.demo import demo_settings  # noqa: PLC0415 - for this command alone

    with _interruptible(), demo_settings(data or Path("data")) as settings:
        job = Job(settings, say=console.say)
        summary = _refresh(job, direct=direct)
    _finish(summary, settings, "run --source YOUR_FOLDER", as_json=as_json)


@app.command()
def backfill(
    source: GitOption = None, data: DataOption = None, *, as_json: JsonOption = False
) -> None:
    """Read the whole history of git sources: what could be seen of a file, and when."""
    settings = _with_history(_settings(source, data), named=bool(source))
    _run_stage(tell_backfill, Job(settings, say=console.say), as_json=as_json)


@app.command()
def fetch(
    data: DataOption = None,
    *,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for what failed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the pages that are due, without reading sources."""
    _stage(refresh.fetch_pages, data, retry_failed=retry_failed, as_json=as_json)


@app.command()
def images(
    data: DataOption = None,
    *,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for what failed.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="First read the whole cache, and fetch again what is lost."
        ),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Only remove the files that no row names."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove them without being asked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the images that are due, without reading sources."""
    if prune:
        if verify or retry_failed:
            msg = "--prune fetches nothing: call it alone, after --verify"
            raise SettingsError(msg)
        _prune(data, sure=yes, as_json=as_json)
        return
    story = refresh.verify_images if verify else refresh.fetch_images
    _stage(story, data, retry_failed=retry_failed, as_json=as_json)


@app.command()
def reextract(data: DataOption = None, *, as_json: JsonOption = False) -> None:
    """Read all captured pages again, without the network."""
    _stage(refresh.read_every_page, data, as_json=as_json)


@app.command()
def publish(data: DataOption = None, *, as_json: JsonOption = False) -> None:
    """Publish the warehouse as it stands."""
    _stage(refresh.only_publish, data, as_json=as_json)


@app.command()
def sql(
    statement: Annotated[
        str, typer.Argument(help="A SELECT, or FROM …, in DuckDB's SQL.")
    ],
    data: DataOption = None,
    *,
    output_format: Annotated[
        Literal["table", "csv", "json", "parquet"],
        typer.Option("--format", help="How to print the answer."),
    ] = "table",
) -> None:
    """Ask the published file a question."""
    with open_published(_settings(None, data).data / PUBLISHED) as warehouse:
        if output_format == "parquet":
            if sys.stdout.isatty():
                msg = "Parquet is not for a terminal: add > answer.parquet"
                raise SourceError(msg)
            warehouse.write_parquet(statement, sys.stdout.buffer)
            return
        if output_format == "table":
            width = shutil.get_terminal_size((160, 40)).columns
            console.out.print(warehouse.drawn(statement, width))
            return
        columns, rows = warehouse.query(statement)
    write = console.print_csv if output_format == "csv" else console.print_json
    write(columns, rows)


@app.command()
def status(data: DataOption = None) -> None:
    """Show the last runs, what is due, what failed and why."""
    with open_published(_settings(None, data).data / PUBLISHED) as warehouse:
        parts = [warehouse.rows(f"report/{n}") for n in ("runs", "due", "failures")]
    console.tell_status(*parts)


@app.command()
def report(data: DataOption = None) -> None:
    """Write the HTML report of the published file, and say where it is."""
    from tasks.report import write_report  # noqa: PLC0415 - for this command alone

    folder = _settings(None, data).data
    with open_published(folder / PUBLISHED) as warehouse:
        write_report(warehouse, folder / "report.html")
    console.out.print(str(folder / "report.html"))


@app.command()
def settings() -> None:
    """Print every setting, its value and where that came from."""
    values, origins = load_settings(Path.cwd())
    console.tell_settings(describe_settings(values, origins))


@app.command()
def init() -> None:
    """Write a commented wirehouse.toml to this folder."""
    path = Path(FILE_NAME)
    if path.exists():
        msg = f"{FILE_NAME} is here already, and stays as it is"
        raise SettingsError(msg)
    path.write_text(console.settings_file(), encoding="utf-8")
    console.out.print(
        f"{FILE_NAME} written: name your sources in it, then `wirehouse run`"
    )


@app.callback(invoke_without_command=True)
def _common(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.")
    ] = False,
) -> None:
    if show_version:
        console.out.print(version())
        raise typer.Exit


def main() -> None:
    """Run the command; a user's mistake is one line, never a traceback."""
    try:
        app()
    except (SettingsError, SourceError) as error:
        _end(WRONG_USAGE, error)
    except LockHeldError as error:
        _end(HELD, error)
    except (
        IncompleteError, WarehouseError, AuditError, BrokenError, OSError,
    ) as error:  # fmt: skip
        _end(BROKEN, error)
    except _InterruptedError:
        _end(INTERRUPTED, "stopped; what was done is kept, and the next run goes on")


class _InterruptedError(Exception):
    """Ctrl-C, under a name that the command line's library does not swallow."""


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise _InterruptedError from None


def _end(code: int, message: object) -> None:
    console.fail(" ".join(str(message).split()))
    sys.exit(code)


def _settings(source: list[str] | None, data: Path | None) -> Settings:
    overrides: dict[str, Any] = {}
    if source:
        overrides["sources"] = source
    if data:
        overrides["data"] = data
    return load_settings(Path.cwd(), overrides)[0]


def _refresh(job: Job, *, direct: bool) -> dict[str, Any]:
    with hold_lock(job.settings.data, job.moment):
        pass  # a run that cannot start says so at once, before any server does
    with shown() as progress:
        job = replace(job, progress=progress)
        if direct:
            return run_direct(refresh.refresh, job)
        from flows.attended import run_attended  # noqa: PLC0415 - it imports Prefect

        return run_attended(job)


def _stage(
    story: Story,
    data: Path | None,
    *,
    retry_failed: bool = False,
    as_json: bool = False,
) -> None:
    job = Job(_settings(None, data), retry_failed=retry_failed, say=console.say)
    _run_stage(story, job, as_json=as_json)


def _prune(data: Path | None, *, sure: bool, as_json: bool) -> None:
    """Remove what no row names, if *sure* or if somebody says so.

    Raises `SettingsError` where there is something, and nobody to be asked.
    """
    unasked = False

    def agree() -> bool:
        nonlocal unasked
        unasked = not sure and not sys.stdin.isatty()
        return sure or (not unasked and typer.confirm("Remove them?", err=True))

    def story(run: Run, steps: Steps) -> None:
        refresh.prune_images(run, steps, agree)

    _stage(story, data, as_json=as_json)
    if unasked:
        msg = "nothing was removed: add --yes where nobody can be asked"
        raise SettingsError(msg)


def _run_stage(story: Story, job: Job, *, as_json: bool) -> None:
    with _interruptible(), shown() as progress:
        summary = run_direct(story, replace(job, progress=progress))
    _finish(summary, job.settings, "report {}", as_json=as_json)


def _with_history(settings: Settings, *, named: bool) -> Settings:
    """Keep the sources that are git repositories.

    Raises `SourceError` if none is, and if one is not that was *named*.
    """
    if not settings.sources:
        raise SourceError(console.no_sources())
    check_sources(settings.sources)
    places = tuple(p for p in settings.sources if locate_source(p).kind == "git")
    others = [place.label for place in settings.sources if place not in places]
    if others and (named or not places):
        raise SourceError(NO_HISTORY, of=others[0])
    return settings.model_copy(update={"sources": places})


def _finish(
    summary: dict[str, Any], settings: Settings, third: str, *, as_json: bool
) -> None:
    """Print the run's summary and three next commands, of which *third* is one."""
    if as_json:
        print(json.dumps(summary))  # noqa: T201 - the answer itself
    else:
        _tell(summary, settings, third)
    if summary["unread"]:
        raise IncompleteError(summary["unread"], summary)


def _tell(summary: dict[str, Any], settings: Settings, third: str) -> None:
    program = "wirehouse" if shutil.which("wirehouse") else sys.argv[0]
    where = "" if settings.data == Path("data") else f"--data {settings.data}"
    commands = ('sql {} "from article_overview limit 5"', "status {}", third)
    filled = [" ".join(command.format(where).split()) for command in commands]
    console.tell_run(summary, settings.data, [f"{program} {line}" for line in filled])
