"""The command as a user meets it: a program of its own, its words and exit codes."""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import duckdb
import pytest

from flows.arguments import App, Argument, Option, UsageError
from flows.cli import app
from flows.demo import SAMPLE
from tests.hub import MOMENT, Hub, related

OFFLINE = ("--no-fetch", "--no-images", "--direct")
COMMANDS = (
    "run demo backfill fetch images reextract publish sql snapshots diff explain"
    " status report settings init"
).split()


def wirehouse(
    *arguments: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in *cwd* and return what it printed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WIREHOUSE_")}
    return subprocess.run(
        [Path(sys.executable).with_name("wirehouse"), *arguments],
        cwd=cwd,
        env={**kept, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def loaded(hub: Hub) -> Hub:
    """A hub of two articles, loaded."""
    hub.write("a.md", topics=["Sea"])
    hub.write("b.md")
    hub.run()
    return hub


def test_a_folder_is_loaded_without_prefect(hub: Hub, tmp_path: Path) -> None:
    hub.write("a.md")

    done = wirehouse(
        "run",
        "--source",
        hub.folder,
        "--no-fetch",
        "--no-images",
        "--direct",
        cwd=tmp_path,
    )

    assert done.returncode == 0
    assert "1 loaded, 0 unchanged, 0 rejected" in done.stdout
    assert "data/news.duckdb" in done.stdout
    assert done.stdout.count("wirehouse") >= 3  # three next commands
    assert (tmp_path / "data" / "news.duckdb").is_file()
    assert (tmp_path / "data" / "parquet" / "articles" / "articles.parquet").is_file()


def test_summary_as_json_is_one_object_and_nothing_else(
    hub: Hub, tmp_path: Path
) -> None:
    hub.write("a.md")

    done = wirehouse(
        "run", "--source", hub.folder, *OFFLINE, "--json",
        cwd=tmp_path,
    )  # fmt: skip

    summary = json.loads(done.stdout)
    asked = (
        "run_id files loaded unchanged rejected removed urls_due captured failed"
        " deferred images_due images_cached images_failed seconds"
    )
    assert set(asked.split()) <= set(summary)
    assert (summary["files"], summary["loaded"]) == (1, 1)


def test_a_direct_run_without_pages_and_images_imports_little(
    hub: Hub, tmp_path: Path
) -> None:
    """And one that finds nothing new neither parses nor makes tables."""
    hub.write("a.md")
    os.utime(hub.folder / "_news" / "a.md", (1, 1))
    time.sleep(2.1)  # a file that changed just now is read again: it may change unseen
    heavy = set("prefect trafilatura PIL aiohttp pyarrow.dataset tasks.reading".split())
    heavier = heavy | set(
        "pyarrow ftfy yaml rich publicsuffixlist duckdb pydantic typer csv".split()
    )

    first, imported_first = _run_and_list_modules(hub, tmp_path)
    second, imported_second = _run_and_list_modules(hub, tmp_path)

    assert first["loaded"] == 1
    assert not imported_first & heavy
    assert second["unchanged"] == 1
    assert not imported_second & heavier


def _run_and_list_modules(hub: Hub, folder: Path) -> tuple[dict[str, Any], set[str]]:
    program = (
        "import sys; from flows.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "--source", hub.folder, "--direct",
         "--no-fetch", "--no-images", "--json"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    summary, modules = done.stdout.splitlines()
    return json.loads(summary), set(modules.split())


def test_a_source_without_articles_is_told_and_what_was_looked_for(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "hub" / "_news").mkdir(parents=True)
    (tmp_path / "hub" / "about.md").write_text("# Not an article\n")
    (tmp_path / "wirehouse.toml").write_text(
        '[[sources]]\nlocation = "empty"\n'
        '[[sources]]\nlocation = "hub"\ninclude = ["x/*"]\n'
    )

    done = wirehouse("run", *OFFLINE, cwd=tmp_path)

    assert done.returncode == 0
    said = done.stderr
    assert "empty: no articles found; looked for Markdown files in '_news'" in said
    assert "hub: no articles found; looked for files that match 'x/*'" in said
    assert "'include'" in said


def test_without_a_source_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = wirehouse("run", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    for word in ("--source", "wirehouse.toml", "wirehouse init", "wirehouse demo"):
        assert word in done.stderr


def test_a_settings_file_is_written_once_and_is_read_back(tmp_path: Path) -> None:
    first = wirehouse("init", cwd=tmp_path)
    second = wirehouse("init", cwd=tmp_path)
    read = wirehouse("settings", cwd=tmp_path)

    assert (first.returncode, second.returncode, read.returncode) == (0, 2, 0)
    assert "fetch.total_seconds = 60.0" in read.stdout
    assert "# per_host_delay_seconds = 1.0" in (tmp_path / "wirehouse.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["run", "--source", "nowhere"], {}, "source 'nowhere' is not there"),
        (
            ["run", "--source", "ftp://x.example/a.git"],
            {},
            "of kind 'ftp://': git reads",
        ),
        (["run", "--source", "a", "--source", "./a"], {}, "is there twice: give each"),
        (["run"], {"WIREHOUSE_FETCH__CONCURENCY": "9"}, "'fetch.concurrency'"),
        (["run"], {"WIREHOUSE_TIMEZONE": "Mars"}, "time zone"),
        (["run", "--nonsense"], {}, "No such option: --nonsense"),
    ],
)
def test_a_wrong_use_is_told_in_words(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    done = wirehouse(*arguments, cwd=tmp_path, **environment)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_run_at_once_ends_with_status_3_and_names_the_first(
    loaded: Hub, tmp_path: Path
) -> None:
    from tasks.lock import hold_lock
    from tests.hub import MOMENT

    with hold_lock(loaded.data, MOMENT):
        done = wirehouse(
            "run", "--source", loaded.folder, "--data", loaded.data, cwd=tmp_path
        )

    assert done.returncode == 3
    assert f"process {os.getpid()}, since 2026-01-02T03:04:05+00:00" in done.stderr


def test_a_damaged_working_file_is_told_kept_and_made_anew(
    loaded: Hub, tmp_path: Path
) -> None:
    (loaded.data / "warehouse" / "working.duckdb").write_bytes(b"rubbish" * 1000)

    done = wirehouse(
        "run", "--direct", "--source", loaded.folder, "--data", loaded.data,
        cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0
    assert "the working file is set aside: it is no" in done.stderr.splitlines()[0]
    assert len(list((loaded.data / "warehouse" / "set-aside").iterdir())) == 1


@pytest.mark.parametrize("megabytes", [1, 3])
def test_a_full_disk_is_one_line_and_the_next_run_completes(
    hub: Hub, tmp_path: Path, megabytes: int
) -> None:
    hub.write("first.md")
    wirehouse("run", *OFFLINE, "--source", hub.folder, cwd=tmp_path)
    published_before = (tmp_path / "data" / "news.duckdb").read_bytes()
    draw = random.Random(0)  # noqa: S311 - nothing to keep secret, hard to compress
    for number in range(300):
        hub.write(f"{number}.md", excerpt=draw.randbytes(4000).hex())
    program = [str(Path(sys.executable).with_name("wirehouse")), "run", *OFFLINE]
    limited = ["sh", "-c", f'ulimit -f {megabytes * 2000}; exec "$@"', "sh", *program]

    full = subprocess.run(
        [*limited, "--source", str(hub.folder)], cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    published_after = (tmp_path / "data" / "news.duckdb").read_bytes()
    room = wirehouse("run", *OFFLINE, "--source", hub.folder, cwd=tmp_path)

    assert published_after == published_before
    assert full.returncode == 1
    assert full.stderr.splitlines()[-1].startswith("wirehouse: ")
    assert "Traceback" not in full.stderr
    assert room.returncode == 0
    with duckdb.connect(tmp_path / "data" / "news.duckdb", read_only=True) as published:
        counted = published.execute("select count(*) from articles").fetchall()
    assert counted == [(301,)]


def test_questions_are_answered_in_every_format(loaded: Hub, tmp_path: Path) -> None:
    import io

    import pyarrow.parquet as pq

    question = "select title, topics from article_overview order by title"
    where = ["--data", str(loaded.data)]

    table = wirehouse("sql", question, *where, cwd=tmp_path)
    as_csv = wirehouse("sql", question, "--format", "csv", *where, cwd=tmp_path)
    as_json = wirehouse("sql", question, "--format", "json", *where, cwd=tmp_path)
    as_parquet = subprocess.run(
        [Path(sys.executable).with_name("wirehouse"), "sql", question, *where,
         "--format", "parquet"],
        capture_output=True, check=True,
    )  # fmt: skip

    assert "title" in table.stdout
    assert as_csv.stdout.splitlines() == ["title,topics", 'a,"[""Sea""]"', "b,"]
    assert json.loads(as_json.stdout)[0] == {"title": "a", "topics": ["Sea"]}
    assert pq.read_table(io.BytesIO(as_parquet.stdout)).num_rows == 2


def test_an_old_state_can_be_listed_asked_and_compared(
    loaded: Hub, tmp_path: Path
) -> None:
    loaded.write("a.md", title="A second thought", heat=7)
    loaded.write("c.md")
    loaded.remove("b.md")
    loaded.run()
    where = ["--data", str(loaded.data)]
    count = "select count(*) as n from articles where title = 'a'"

    kept = wirehouse("snapshots", *where, cwd=tmp_path)
    at_first = wirehouse(
        "sql", count, "--at", "1", "--format", "json", *where, cwd=tmp_path
    )
    now = wirehouse("sql", count, "--format", "json", *where, cwd=tmp_path)
    between = wirehouse("diff", "1", "2", "--format", "json", *where, cwd=tmp_path)

    assert kept.stdout.count("complete") == 2
    assert [json.loads(at_first.stdout), json.loads(now.stdout)] == [
        [{"n": 1}],
        [{"n": 0}],
    ]
    found = [
        (d["change"], d["title"], d["columns"]) for d in json.loads(between.stdout)
    ]
    assert found == [
        ("changed", "A second thought", ["title", "heat"]),
        ("new", "c", []),
        ("removed", "b", []),
    ]


def test_the_whole_story_of_an_article_is_told(loaded: Hub, tmp_path: Path) -> None:
    loaded.write(
        "a.md", title="It\u00e2\u20ac\u2122s", topics=["Sea"], heat=3,
        images=[{"url": "https://news.example/a.png"}], related=related("z"),
    )  # fmt: skip
    loaded.run(moment=MOMENT + timedelta(hours=1))
    address = "http://www.news.example/a?utm_source=mail#top"  # as somebody got it

    told = wirehouse("explain", address, "--data", loaded.data, cwd=tmp_path)
    as_json = wirehouse(
        "explain", address, "--json", "--data", loaded.data, cwd=tmp_path
    )

    story = json.loads(as_json.stdout)
    assert story["files"][0]["path"] == "_news/a.md"
    assert story["files"][0]["changed_in_run"] is not None
    assert len(story["observations"]) == 2
    assert story["images"][0]["status"] == "due"
    assert story["edges"][0]["url"] == "https://news.example/z"
    assert story["repairs"][0]["rule"] == "mojibake"
    assert story["captures"] == story["page"] == story["rejections"] == []
    assert re.search(r"^  path +_news/a\.md$", told.stdout, re.MULTILINE)
    assert re.search(
        r"^  to +related +z +https://news\.example/z ", told.stdout, re.MULTILINE
    )
    assert "captures: none" in told.stdout


def test_a_rejected_file_is_part_of_its_article_s_story(
    loaded: Hub, tmp_path: Path
) -> None:
    loaded.write_text("_news/a.md", "---\ntitle: [\n---\n")
    loaded.run()

    told = wirehouse(
        "explain", "https://news.example/a", "--json", "--data", loaded.data,
        cwd=tmp_path,
    )  # fmt: skip

    (rejection,) = json.loads(told.stdout)["rejections"]
    assert rejection["subject"] == "_news/a.md"
    assert rejection["line"] is not None


@pytest.mark.parametrize(
    ("address", "status"), [("https://nobody.example/", 1), ("no address", 2)]
)
def test_what_cannot_be_explained_is_one_line(
    loaded: Hub, tmp_path: Path, address: str, status: int
) -> None:
    done = wirehouse("explain", address, "--data", loaded.data, cwd=tmp_path)

    assert done.returncode == status
    assert done.stderr.count("\n") == 1


def test_a_state_that_is_not_kept_is_one_line(loaded: Hub, tmp_path: Path) -> None:
    done = wirehouse(
        "sql", "select 1", "--at", "9", "--data", loaded.data, cwd=tmp_path
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no state of run 9 is kept (kept: 1)" in done.stderr


@pytest.mark.parametrize(
    "statement",
    ["select nonsense", "from read_text('/etc/passwd')", "delete from articles", "("],
)
def test_a_question_that_cannot_be_answered_is_one_line(
    loaded: Hub, tmp_path: Path, statement: str
) -> None:
    done = wirehouse("sql", statement, "--data", loaded.data, cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_ctrl_c_ends_a_run_at_once_in_one_line_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    import signal

    program = [str(Path(sys.executable).with_name("wirehouse")), "demo", "--direct"]
    with subprocess.Popen(
        program, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert "files to read" in run.stderr.readline()
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)

    assert run.returncode == 130
    assert said.splitlines()[-1].startswith("wirehouse: stopped")
    assert "Traceback" not in said
    assert wirehouse("demo", "--direct", cwd=tmp_path).returncode == 0


def test_ctrl_c_within_a_statement_is_one_line_too(loaded: Hub, tmp_path: Path) -> None:
    import signal

    program = str(Path(sys.executable).with_name("wirehouse"))
    endless = "select sum(a.range * b.range) from range(1000000) a, range(1000000) b"
    with subprocess.Popen(
        [program, "sql", endless, "--data", str(loaded.data)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as asked:
        time.sleep(3)  # by then it has begun, or nothing would be left to interrupt
        asked.send_signal(signal.SIGINT)
        try:
            _, said = asked.communicate(timeout=30)
        finally:
            asked.kill()  # where SIGINT is ignored it would go on for days

    assert asked.returncode == 130
    assert said.startswith("wirehouse: stopped")
    assert "Traceback" not in said


def test_status_shows_runs_what_is_due_and_what_failed(
    loaded: Hub, tmp_path: Path
) -> None:
    loaded.write_text("_news/bad.md", "no front matter")
    loaded.run()

    done = wirehouse("status", "--data", loaded.data, cwd=tmp_path)

    assert done.returncode == 0
    assert "complete" in done.stdout
    assert "2  pages never asked for" in done.stdout
    assert "_news/bad.md" in done.stdout


def test_every_command_has_help_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    app(["--help"])
    overview = capsys.readouterr().out

    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            app([command, "--help"])
        assert ended.value.code == 0
        assert f"  {command} " in overview
        assert f"usage: wirehouse {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("rum", "No such command: rum; the nearest is run"),
        ("run --sourc a", "No such option: --sourc; the nearest is --source; see wire"),
        ("run --no", "No such option: --no"),  # no guessing at what would fit
        ("run a", "No such argument: a; see wirehouse run --help"),
        ("run --source", "argument --source: expected one argument"),
        ("diff 1", "the following arguments are required: RUN"),
        ("diff 1 b", "argument RUN: invalid int value: 'b'"),
        ("sql x --format xml", "argument --format: invalid choice: 'xml'"),
    ],
)
def test_words_that_no_command_knows_are_told_in_one_line(
    words: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        app(words.split())

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_command_gets_what_was_said_in_its_own_types() -> None:
    taken: list[object] = []
    command = App("program", "For this test.", "1")

    @command.command()
    def take(
        number: Annotated[int, Argument("A number.")],
        name: Annotated[list[str] | None, Option("--name", "A name.")] = None,
        folder: Annotated[Path | None, Option("--folder", "100 % a folder.")] = None,
        *,
        at_once: Annotated[bool, Option("--now", "Now.")] = False,
        kind: Annotated[Literal["a", "b"], Option("--kind", "A kind.")] = "a",
    ) -> None:
        """Take it all."""
        taken.append((number, name, folder, at_once, kind))

    command(["take", "3"])
    command("take --name=x --now -7 --folder y --name z --kind b".split())

    assert taken == [
        (3, None, None, False, "a"),
        (-7, ["x", "z"], Path("y"), True, "b"),
    ]


def test_the_version_is_the_one_that_was_installed(tmp_path: Path) -> None:
    said = wirehouse("--version", cwd=tmp_path).stdout

    assert said == importlib.metadata.version("wirehouse") + "\n"


def test_an_answer_that_nobody_reads_to_its_end_is_no_mistake(
    loaded: Hub, tmp_path: Path
) -> None:
    question = "select repeat('x', 1000000) from range(20)"
    program = Path(sys.executable).with_name("wirehouse")
    asked = subprocess.Popen(
        [program, "sql", question, "--format", "csv", "--data", loaded.data],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        asked.stdout.read(10)
        asked.stdout.close()
        assert asked.stderr.read() == ""


def test_the_demo_runs_as_a_prefect_flow_without_a_word_too_many(
    tmp_path: Path,
) -> None:
    """Its page tells the story: named tasks, log lines, a summary, the failures."""
    import sqlite3

    done = wirehouse("demo", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    for noise in ("Traceback", "Error", "WARNING", "Warning", "flushing"):
        assert noise not in done.stderr
    assert "38 loaded, 0 unchanged, 5 rejected" in done.stdout
    with sqlite3.connect(tmp_path / "data" / "prefect" / "prefect.db") as books:
        tasks = [row[0] for row in books.execute("select name from task_run")]
        states = books.execute("select distinct state_type from flow_run").fetchall()
        logs = books.execute("select message from log").fetchall()
        artifacts = dict(books.execute("select key, data from artifact").fetchall())
    books.close()
    assert states == [("COMPLETED",)]
    assert "fetch 36 pages" in tasks
    assert ("pages: 32 captured, 4 failed, 0 deferred",) in logs
    assert not [line for (line,) in logs if line.startswith(" ")], "told twice"
    assert "  pages: 32 captured, 4 failed, 0 deferred\n" in done.stderr
    assert "article files | 43" in artifacts["summary"]
    assert "answered 404 Not Found" in artifacts["failures"]
    assert not _left_running(tmp_path)


def test_a_source_that_cannot_be_read_fails_the_flow_after_all_else_is_done(
    loaded: Hub, tmp_path: Path
) -> None:
    import sqlite3

    loaded.write("new.md")
    done = wirehouse(
        "run", "--source", "nowhere", "--source", loaded.folder, "--no-fetch",
        "--no-images", "--json", cwd=tmp_path,
    )  # fmt: skip

    summary = json.loads(done.stdout)
    assert (done.returncode, summary["status"]) == (1, "incomplete")
    assert (summary["loaded"], summary["sources_unread"]) == (3, 1)
    assert done.stderr.splitlines()[-1].startswith(
        "wirehouse: source 'nowhere' is not there: name a folder"
    )
    assert "Traceback" not in done.stderr
    with sqlite3.connect(tmp_path / "data" / "prefect" / "prefect.db") as books:
        flows = books.execute("select state_type, state_name from flow_run").fetchall()
        (message,) = books.execute(
            "select message from flow_run_state where type = 'FAILED'"
        ).fetchone()
    books.close()
    assert flows == [("FAILED", "Failed")]
    assert "source 'nowhere' is not there" in message


def test_a_source_named_on_the_command_line_is_the_configured_one(
    tmp_path: Path,
) -> None:
    from tests.repository import Work

    work = Work(tmp_path / "clone")
    work.commit(site__a="---\nwebUrl: https://news.example/a\n---\n", b="no article")
    lines = ("[[sources]]", 'location = "clone"', 'name = "hub"', 'folder = "site"')
    (tmp_path / "wirehouse.toml").write_text("\n".join(lines))

    for asked in ("hub", "clone", "./clone", work.folder):
        done = wirehouse("run", "--source", asked, *OFFLINE, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    database = tmp_path / "data" / "news.duckdb"
    with duckdb.connect(database, read_only=True) as published:
        sources = published.execute("select name, kind, location from sources")
        found = sources.fetchall()
        paths = published.execute("select path from documents").fetchall()
    assert found == [("hub", "git", f"{work.folder}#:site")]
    assert paths == [("a.md",)]


def _left_running(folder: Path) -> list[str]:
    """Return the command lines of processes that still work in *folder*."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder).encode() in entry.read_bytes():
                found.append(entry.with_name("cmdline").read_text())
        except OSError:
            continue
    return found


def test_the_sample_is_where_the_demo_looks_for_it() -> None:
    assert (SAMPLE / "_news").is_dir()
