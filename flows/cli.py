"""The `wirehouse` command: reads what was asked, runs it, says what came of it.

Exit status: 0 the run is complete (rejections and failed addresses are data), 1 broken
or a source could not be read, 2 wrong usage, 3 another run holds the data directory,
130 stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from flows import console, refresh
from flows.arguments import App, Argument, Option, UsageError
from flows.backfill import backfill as tell_backfill
from flows.backfill import with_history
from flows.direct import Story, run_direct
from flows.progress import shown
from flows.stopping import StoppedError, stoppable
from tasks.lock import LockHeldError, hold_lock
from tasks.publish import AuditError
from tasks.run import VERSION, BrokenError, IncompleteError, Job, Run
from tasks.settings import (
    FILE_NAME,
    Settings,
    SettingsError,
    describe_settings,
    load_settings,
)
from tasks.snapshots import PUBLISHED, find_snapshots, snapshot_of
from tasks.sources.location import SourceError
from tasks.stages.sources import check_sources
from tasks.steps import Steps
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.published import Published, open_published

BROKEN, WRONG_USAGE, HELD = 1, 2, 3
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

app = App("wirehouse", "Turn Markdown news hubs into a DuckDB warehouse.", VERSION)
SourceOption = Annotated[
    list[str] | None,
    Option(
        "--source",
        metavar="SRC",
        help="Folder, git repository or archive to read, or the name of a configured"
        " source; may be repeated.",
    ),
]
GitOption = Annotated[
    list[str] | None,
    Option("--source", metavar="GIT", help="Git repository to read; may be repeated."),
]
DataOption = Annotated[
    Path | None, Option("--data", metavar="DIR", help="Data directory.")
]
DirectOption = Annotated[
    bool, Option("--direct", help="Run in this process, without Prefect.")
]
JsonOption = Annotated[
    bool, Option("--json", help="Print the summary as one JSON object.")
]

Format = Literal["table", "csv", "json", "parquet"]
FormatOption = Annotated[Format, Option("--format", help="How to print the answer.")]


@app.command()
def run(  # noqa: PLR0913 - one parameter an option
    source: SourceOption = None,
    data: DataOption = None,
    *,
    no_fetch: Annotated[bool, Option("--no-fetch", help="Leave pages alone.")] = False,
    no_images: Annotated[
        bool, Option("--no-images", help="Leave images alone.")
    ] = False,
    full: Annotated[bool, Option("--full", help="Read unchanged files too.")] = False,
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

    with demo_settings(data or Path("data")) as settings:
        job = Job(settings, say=console.say)
        summary = _refresh(job, direct=direct)
    _finish(summary, settings, "run --source YOUR_FOLDER", as_json=as_json)


@app.command()
def backfill(
    source: GitOption = None, data: DataOption = None, *, as_json: JsonOption = False
) -> None:
    """Read the whole history of git sources: what could be seen of a file, and when."""
    settings = _settings(source, data)
    if not settings.sources:
        raise SourceError(console.no_sources())
    settings = with_history(settings, named=bool(source))
    _run_stage(tell_backfill, Job(settings, say=console.say), as_json=as_json)


@app.command()
def fetch(
    data: DataOption = None,
    *,
    retry_failed: Annotated[
        bool, Option("--retry-failed", help="Ask again for what failed.")
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
        bool, Option("--retry-failed", help="Ask again for what failed.")
    ] = False,
    verify: Annotated[
        bool,
        Option(
            "--verify", help="First read the whole cache, and fetch again what is lost."
        ),
    ] = False,
    prune: Annotated[
        bool,
        Option("--prune", help="Only remove the files that no row names."),
    ] = False,
    yes: Annotated[
        bool, Option("--yes", help="Remove them without being asked.")
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
def rebuild(
    source: SourceOption = None,
    data: DataOption = None,
    *,
    without_history: Annotated[
        bool,
        Option(
            "--without-history",
            help="Forget what only published states remember: earlier runs, files that"
            " are gone, when things were first seen.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the working file again from sources, captures and images; keep the old."""
    from flows.rebuild import rebuild as tell_rebuild  # noqa: PLC0415

    settings = _settings(source, data)
    if not settings.sources:
        raise SourceError(console.no_sources())
    check_sources(settings.sources)
    job = Job(settings, full=True, rebuild=True, bare=without_history, say=console.say)
    _run_stage(tell_rebuild, job, as_json=as_json)


@app.command()
def verify(data: DataOption = None, *, as_json: JsonOption = False) -> None:
    """Read all cached images and captures back, audit all rows, and publish."""
    _stage(refresh.verify, data, full=True, as_json=as_json)


@app.command()
def publish(data: DataOption = None, *, as_json: JsonOption = False) -> None:
    """Publish the warehouse as it stands."""
    _stage(refresh.only_publish, data, as_json=as_json)


@app.command()
def sql(
    statement: Annotated[str, Argument(help="A SELECT, or FROM …, in DuckDB's SQL.")],
    data: DataOption = None,
    *,
    at: Annotated[
        int | None,
        Option("--at", metavar="RUN", help="Ask the state that a run published."),
    ] = None,
    output_format: FormatOption = "table",
) -> None:
    """Ask the published file a question."""
    folder = _settings(None, data).data
    path = folder / PUBLISHED if at is None else snapshot_of(folder, at)
    with open_published(path) as warehouse:
        _answer(warehouse, statement, output_format)


@app.command()
def snapshots(data: DataOption = None) -> None:
    """List the published states that are kept, for `sql --at` and `diff`."""
    rows = []
    for path in find_snapshots(_settings(None, data).data).values():
        with open_published(path) as warehouse:
            (row,) = warehouse.rows("report/state")
        rows.append({**row, "megabytes": round(path.stat().st_size / 1e6, 1)})
    console.tell_rows(rows, "no state is kept yet: `wirehouse run` makes one")


@app.command()
def diff(
    earlier: Annotated[int, Argument(metavar="RUN", help="A run's number.")],
    later: Annotated[int, Argument(metavar="RUN", help="Another run's.")],
    data: DataOption = None,
    *,
    output_format: FormatOption = "table",
) -> None:
    """Tell which articles are new, changed and removed between two runs' states."""
    folder = _settings(None, data).data
    if earlier == later:
        msg = f"run {earlier} is compared with itself: name two, see `snapshots`"
        raise SettingsError(msg)
    before, path = snapshot_of(folder, earlier), snapshot_of(folder, later)
    with open_published(path, earlier=before) as warehouse:
        _answer(warehouse, warehouse.comparison(), output_format)


def _answer(warehouse: Published, question: str, output_format: Format) -> None:
    """Print the answer to a question in the format that was asked for."""
    if output_format == "parquet":
        if sys.stdout.isatty():
            msg = "Parquet is not for a terminal: add > answer.parquet"
            raise SourceError(msg)
        warehouse.write_parquet(question, sys.stdout.buffer)
        return
    if output_format == "table":
        width = shutil.get_terminal_size((160, 40)).columns
        console.out.print(warehouse.drawn(question, width))
        return
    columns, rows = warehouse.query(question)
    write = console.print_csv if output_format == "csv" else console.print_json
    write(columns, rows)


@app.command()
def explain(
    url: Annotated[str, Argument(help="Address of an article.")],
    data: DataOption = None,
    *,
    as_json: Annotated[
        bool, Option("--json", help="Print it as one JSON object.")
    ] = False,
) -> None:
    """Tell the whole story of one article: files, runs, tries, page, images."""
    from tasks.urls import url_key  # noqa: PLC0415 - for this command alone

    try:
        key = url_key(url)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    with open_published(_settings(None, data).data / PUBLISHED) as warehouse:
        story = warehouse.explain(url, key)
    if as_json:
        print(json.dumps(story, ensure_ascii=False, default=str))  # noqa: T201
    else:
        console.tell_story(story)


@app.command()
def status(data: DataOption = None) -> None:
    """Show what is up, the last runs, what is due, what failed and why."""
    from flows.services import describe_services  # noqa: PLC0415 - for this command

    settings = _settings(None, data)
    console.tell_services(describe_services(settings))
    with open_published(settings.data / PUBLISHED) as warehouse:
        parts = [warehouse.rows(f"report/{n}") for n in ("runs", "due", "failures")]
    console.tell_status(*parts)


@app.command()
def up(data: DataOption = None) -> None:
    """Start the Prefect server, a worker and the scheduled runs; they stay."""
    from flows.services import go_up  # noqa: PLC0415 - for this command alone

    settings = _settings(None, data)
    if not settings.sources:
        console.say(f"there is no source to read yet: list one in {FILE_NAME}")
    try:
        address, next_run = go_up(settings, Path.cwd(), console.say)
    except KeyboardInterrupt:
        console.say("what is started by now stays: `wirehouse down` ends it")
        raise
    console.tell_up(address, next_run)


@app.command()
def down(data: DataOption = None) -> None:
    """End what `wirehouse up` started; a run under way keeps what it has."""
    from flows.services import go_down  # noqa: PLC0415 - for this command alone

    ended = go_down(_settings(None, data).data)
    console.out.print(f"ended: {', '.join(ended)}" if ended else "nothing was up")


@app.command()
def report(data: DataOption = None) -> None:
    """Write the HTML report of the published file, and say where it is."""
    from tasks.report import write_report  # noqa: PLC0415 - for this command alone

    folder = _settings(None, data).data
    with open_published(folder / PUBLISHED) as warehouse:
        write_report(warehouse, folder / "report.html")
    console.out.print(str(folder / "report.html"))


@app.command()
def doctor(
    data: DataOption = None,
    *,
    mend: Annotated[
        bool,
        Option("--mend", help="Mend what is wrong, without the network."),
    ] = False,
    as_json: Annotated[
        bool, Option("--json", help="Print it as one JSON object.")
    ] = False,
) -> None:
    """Look for damage of any kind, and say what to do; status 1 if there is any."""
    from flows import doctor as rooms  # noqa: PLC0415 - for this command alone

    job = Job(_settings(None, data), say=console.say)
    found = rooms.look(job)
    if mend and not all(each.is_well for each in found):
        rooms.mend(job)
        found = rooms.look(job)
    console.tell_findings(found, as_json=as_json)
    if not all(each.is_well for each in found):
        sys.exit(BROKEN)


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


def main() -> None:
    """Run the command; a user's mistake is one line, never a traceback."""
    gc.freeze()  # what is imported stays: no need to look for cycles in it
    # For each parameter DuckDB looks on the path for pandas, twice; where that is
    # installed, it imports it.
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    try:
        with stoppable():
            app(sys.argv[1:])
    except (UsageError, SettingsError, SourceError) as error:
        _end(WRONG_USAGE, error)
    except LockHeldError as error:
        _end(HELD, error)
    except (IncompleteError, WarehouseError, AuditError, BrokenError) as error:
        _end(BROKEN, error)
    except BrokenPipeError:  # whoever read the answer has enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN)
    except OSError as error:
        _end(BROKEN, _in_words(error))
    except StoppedError as error:
        _end(error.status, error)
    except KeyboardInterrupt:  # before there was anything that could be stopped
        stopped = StoppedError(signal.SIGINT)
        _end(stopped.status, stopped)
    finally:
        gc.freeze()  # or Python does so several times as it ends, which takes 30 ms


def _in_words(error: OSError) -> str:
    if error.errno not in NO_ROOM:
        return str(error)
    words = f"{error.filename or 'a file'}: {os.strerror(error.errno).lower()}"
    return f"{words}; what was done is kept: make room, and the next run goes on"


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
    full: bool = False,
    retry_failed: bool = False,
    as_json: bool = False,
) -> None:
    settings = _settings(None, data)
    job = Job(settings, full=full, retry_failed=retry_failed, say=console.say)
    _run_stage(story, job, as_json=as_json)


def _prune(data: Path | None, *, sure: bool, as_json: bool) -> None:
    """Remove what no row names, if *sure* or if somebody says so.

    Raises `SettingsError` where there is something, and nobody to be asked.
    """
    unasked = False

    def agree() -> bool:
        nonlocal unasked
        unasked = not sure and not sys.stdin.isatty()
        return sure or (not unasked and console.confirm("Remove them?"))

    def story(run: Run, steps: Steps) -> None:
        refresh.prune_images(run, steps, agree)

    _stage(story, data, as_json=as_json)
    if unasked:
        msg = "nothing was removed: add --yes where nobody can be asked"
        raise SettingsError(msg)


def _run_stage(story: Story, job: Job, *, as_json: bool) -> None:
    with shown() as progress:
        summary = run_direct(story, replace(job, progress=progress))
    is_published = summary["status"] != "unpublished"
    third = "report {}" if is_published else "publish {}"
    _finish(summary, job.settings, third, as_json=as_json)


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
