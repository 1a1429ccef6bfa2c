"""Git as a source: run after run, the tables say what one full load would."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tasks.run import IncompleteError
from tasks.settings import ReadSettings, SourceSettings
from tests.hub import run_sources
from tests.repository import Work
from tests.tables import dump

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("SHARED_SETS", "/nowhere"))
BUNDLE = SHARED / "corpus" / "powerapps-history.bundle"
needs_corpus = pytest.mark.skipif(
    not BUNDLE.is_file(), reason="SHARED_SETS names no folder with the corpus"
)
STANDING = "select subject, reason from rejections where resolved_at is null order by 1"


def article(name: str, **fields: object) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in fields.items())
    return f"---\ntitle: {name}\nwebUrl: https://news.example/{name}\n{lines}---\n"


class GitHub:
    """A repository, the data directory that it is loaded into, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.work = Work(folder / "work")
        self.data = folder / "data"
        self.said: list[str] = []
        self.settings: dict[str, Any] = {"location": str(self.work.folder)}

    def run(self, data: Path | None = None, **options: Any) -> dict[str, Any]:
        """Refresh and return the summary."""
        self.said.clear()
        place = SourceSettings(**{"name": "hub", **self.settings})
        options = {"say": self.said.append, **options}
        return run_sources(data or self.data, place, **options)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the published file."""
        with duckdb.connect(str(self.data / "news.duckdb"), read_only=True) as found:
            return found.execute(statement).fetchall()

    def documents(self) -> dict[str, str]:
        """Return the revision of each document that is there, by its path."""
        return dict(
            self.ask("select path, revision from documents where removed_at is null")
        )


@pytest.fixture
def hub(tmp_path: Path) -> GitHub:
    """A repository without a commit."""
    return GitHub(tmp_path)


def fates(summary: dict[str, Any]) -> tuple[int, ...]:
    names = ("loaded", "unchanged", "rejected", "removed")
    return tuple(summary[name] for name in names)


# What a run reads


def test_a_hub_in_git_is_read_like_a_folder_and_says_which_commit(hub: GitHub) -> None:
    hub.work.put("_data/topics/ai.yaml", "name: AI\n")
    hub.work.put("README.md", "no article")
    first = hub.work.commit(_news__a=article("a", topics="[ai]"), _news__b=article("b"))
    second = hub.work.commit(_news__b=article("b", heat=2))

    summary = hub.run()

    assert fates(summary) == (2, 0, 0, 0)
    assert hub.documents() == {"_news/a.md": first, "_news/b.md": second}
    assert hub.ask("select kind, revision from sources") == [("git", second)]
    assert hub.ask("select name from topics") == [("AI",)]


def test_a_run_reads_only_what_changed_since_the_last(hub: GitHub) -> None:
    first = hub.work.commit(a=article("a"), b=article("b"), c=article("c"))
    hub.run()
    second = hub.work.commit(a=article("a", heat=1), b=None, d=article("d"))

    summary = hub.run()

    assert fates(summary) == (2, 1, 0, 1)
    assert hub.documents() == {"a.md": second, "c.md": first, "d.md": second}
    assert fates(hub.run()) == (0, 3, 0, 0)


def test_a_file_that_is_what_it_was_again_has_the_later_commit(hub: GitHub) -> None:
    hub.work.commit(a=article("a"))
    hub.run()
    hub.work.commit(a=article("a", heat=1))
    last = hub.work.commit(a=article("a"))

    assert fates(hub.run()) == (1, 0, 0, 0)
    assert hub.documents() == {"a.md": last}


def test_a_renamed_file_keeps_its_article(hub: GitHub) -> None:
    hub.work.commit(a=article("a"))
    hub.run()
    (before,) = hub.ask("select article_id from articles")
    hub.work.git("mv", "a.md", "z.md")
    last = hub.work.commit_all()

    hub.run()

    assert hub.ask("select article_id from articles") == [before]
    assert hub.documents() == {"z.md": last}


def test_branch_and_folder_select_what_is_read(hub: GitHub) -> None:
    hub.work.commit(site___news__a=article("a"), other=article("x"))
    hub.work.git("checkout", "--quiet", "-b", "draft")
    draft = hub.work.commit(site___news__b=article("b"))
    hub.work.git("checkout", "--quiet", "main")
    hub.settings |= {"branch": "draft", "folder": "site"}

    hub.run()

    assert list(hub.documents()) == ["_news/a.md", "_news/b.md"]
    assert hub.documents()["_news/b.md"] == draft
    assert hub.ask("select location from sources") == [
        (f"{hub.work.folder}#draft:site",)
    ]


def test_text_files_are_articles_if_they_begin_as_front_matter_does(
    hub: GitHub,
) -> None:
    hub.work.put("a.txt", article("a"))
    hub.work.put("b.txt", "no front matter")
    hub.work.commit_all()

    assert fates(hub.run()) == (1, 0, 0, 0)
    assert fates(hub.run()) == (0, 1, 0, 0)


def test_what_is_no_file_too_large_or_too_deep_is_a_rejection(
    hub: GitHub, tmp_path: Path
) -> None:
    inner = Work(tmp_path / "inner")
    inner.commit(x="x")
    hub.work.git("submodule", "--quiet", "add", str(inner.folder), "sub.md")
    (hub.work.folder / "link.md").symlink_to("/etc/passwd")
    hub.work.put("large.md", "x" * 501)
    hub.work.put("1/2/3/deep.md", article("deep"))
    hub.work.put(".hidden/a.md", article("hidden"))
    hub.work.put(os.fsdecode(b"caf\xe9.md"), article("cafe"))
    hub.work.commit_all()
    limits = ReadSettings(max_file_bytes=500, max_depth=2)

    summary = hub.run(read=limits)

    assert fates(summary) == (1, 0, 4, 0)
    assert list(hub.documents()) == [r"caf\xe9.md"]
    expected = [
        ("1/2/3", "lies more than 2 folders deep"),
        ("large.md", "is larger than 500 bytes, see read.max_file_bytes"),
        ("link.md", "is a symbolic link; links are not followed"),
        ("sub.md", "is a submodule, which is not read"),
    ]
    assert hub.ask(STANDING) == expected
    assert fates(hub.run(read=limits)) == (0, 1, 4, 0)
    assert hub.ask(STANDING) == expected


def test_a_file_that_becomes_a_link_is_gone_and_the_link_rejected(hub: GitHub) -> None:
    hub.work.commit(a=article("a"), b=article("b"))
    hub.run()
    (hub.work.folder / "a.md").unlink()
    (hub.work.folder / "a.md").symlink_to("b.md")
    hub.work.commit_all()

    for removed in (1, 0):
        assert fates(hub.run()) == (0, 1, 1, removed)
        assert [subject for subject, _ in hub.ask(STANDING)] == ["a.md"]
    assert list(hub.documents()) == ["b.md"]


def test_two_names_of_one_spelling_are_both_refused(hub: GitHub) -> None:
    hub.work.put(os.fsdecode(b"\xe9.md"), article("a"))
    hub.work.put(r"\xe9.md", article("b"))
    hub.work.commit_all()

    assert fates(hub.run()) == (0, 0, 1, 0)
    ((subject, reason),) = hub.ask(STANDING)
    assert (subject, reason[:27]) == (r"\xe9.md", "is there more than once, so")


# History that does not go straight on


def test_a_rewritten_history_is_read_in_full_and_said(
    hub: GitHub, tmp_path: Path
) -> None:
    hub.work.commit(a=article("a"))
    gone = hub.work.commit(b=article("b"), c=article("c"))
    hub.run()
    hub.work.git("reset", "--quiet", "--hard", "HEAD~1")
    new = hub.work.commit(b=article("b"), d=article("d"))

    summary = hub.run()

    words = f"hub: history was rewritten, {gone[:12]} is no part of it any more"
    assert f"{words}: compared in full" in hub.said
    assert fates(summary) == (2, 1, 0, 1)
    assert hub.documents()["b.md"] == new
    assert_as_one_load(hub, tmp_path)


def test_a_revision_that_is_lost_is_said(hub: GitHub) -> None:
    first = hub.work.commit(a=article("a"))
    hub.run()
    shutil.rmtree(hub.work.folder / ".git")
    hub.work.git("init", "--quiet", "--initial-branch=main")
    hub.work.commit(a=article("a", heat=1))
    shutil.rmtree(hub.data / "mirrors")

    assert fates(hub.run()) == (1, 0, 0, 0)
    assert f"hub: commit {first[:12]} is there no more: compared in full" in hub.said


def test_a_branch_older_than_what_was_read_is_merged(
    hub: GitHub, tmp_path: Path
) -> None:
    hub.work.commit(a=article("a"), b=article("b"))
    hub.work.git("checkout", "--quiet", "-b", "side")
    side = hub.work.commit(a=article("a", heat=1), c=article("c"))
    hub.work.git("checkout", "--quiet", "main")
    hub.work.commit(a=article("a", heat=2))
    hub.run()
    merge = hub.work.merge("side", c=article("c"), b=article("b", heat=9))

    hub.run()

    assert hub.documents()["c.md"] == side
    assert hub.documents()["b.md"] == merge
    assert_as_one_load(hub, tmp_path)


def test_a_shallow_clone_is_read_as_far_as_it_goes(hub: GitHub, tmp_path: Path) -> None:
    hub.work.commit(a=article("a"))
    head = hub.work.commit(b=article("b"))
    shallow = str(tmp_path / "shallow")
    hub.work.git("clone", "--quiet", "--depth=1", f"file://{hub.work.folder}", shallow)
    hub.settings["location"] = shallow

    hub.run()
    assert hub.documents() == {"a.md": head, "b.md": head}
    hub.work.git("-C", shallow, "fetch", "--quiet", "--unshallow")
    hub.run()

    assert_as_one_load(hub, tmp_path)


def test_a_clone_read_as_a_folder_and_then_as_git_has_its_commits(hub: GitHub) -> None:
    head = hub.work.commit(a=article("a"))
    hub.settings["kind"] = "folder"
    hub.work.put("a.md", article("a", heat=1))
    hub.run()
    assert hub.documents() == {"a.md": ""}
    hub.work.git("checkout", "--quiet", ".")

    hub.settings["kind"] = "git"
    hub.run()
    assert hub.documents() == {"a.md": head}
    hub.settings["kind"] = "folder"
    hub.run()
    assert hub.documents() == {"a.md": ""}


@pytest.mark.parametrize("seed", range(3))
def test_run_after_run_ends_where_one_full_load_does(
    hub: GitHub, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - a test's choices are no secret
    hub.work.commit(a=article("a"))
    for _ in range(6):
        for _ in range(draw.randrange(1, 5)):
            _do_something(hub.work, draw)
        hub.run()

    assert_as_one_load(hub, tmp_path)


def _do_something(work: Work, draw: random.Random) -> None:
    """Commit a few files; now and then beside the branch, or instead of its last."""
    what = draw.random()
    is_side = what < 0.3
    if is_side:
        count = int(work.git("rev-list", "--count", "--first-parent", "HEAD"))
        start = f"HEAD~{draw.randrange(min(count, 4))}"
        work.git("checkout", "--quiet", "-b", f"side-{work.commits}", start)
    elif what < 0.45 and work.commits > 1:
        work.git("reset", "--quiet", "--hard", "HEAD^")
    for _ in range(draw.randrange(1, 4)):
        name = draw.choice("abcdef")
        text = article(draw.choice("abcd"), heat=draw.randrange(3))
        is_there = (work.folder / f"{name}.md").exists()
        work.commit(**{name: None if is_there and draw.random() < 0.2 else text})
    if is_side:
        side = work.git("rev-parse", "HEAD")
        work.git("checkout", "--quiet", "main")
        work.merge(
            side, **{draw.choice("abcdef"): article("m", heat=draw.randrange(3))}
        )


def assert_as_one_load(hub: GitHub, tmp_path: Path) -> None:
    hub.run(tmp_path / "fresh")
    changed, fresh = (dump(d / "news.duckdb") for d in (hub.data, tmp_path / "fresh"))
    for name in ("documents", "files", "sources"):
        standing = [row for row in changed[name] if "removed_at=set" not in row]
        assert standing == fresh[name], name
    # An article keeps the word of its own file, even of one that is gone.
    gone = {word(row, "document_id") for row in changed["documents"]} - {
        word(row, "document_id") for row in fresh["documents"]
    }
    loaded = {word(row, "article_id"): row for row in changed["articles"]}
    for row in fresh["articles"]:
        found = loaded[word(row, "article_id")]
        assert found == row or word(found, "document_id") in gone


def word(row: str, column: str) -> str:
    return row.partition(f"{column}=")[2].partition(" ")[0]


# Sources that cannot be read


def test_a_source_that_cannot_be_read_leaves_its_state_and_the_others(
    hub: GitHub, tmp_path: Path
) -> None:
    hub.work.commit(a=article("a"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.md").write_text(article("b"))
    other = SourceSettings(location=str(tmp_path / "folder"))
    place = SourceSettings(location=str(hub.work.folder))
    run_sources(hub.data, place, other)
    hub.work.folder.rename(tmp_path / "away")
    (tmp_path / "folder" / "c.md").write_text(article("c"))

    for loaded in (1, 0):
        summary = run_sources(hub.data, place, other)

        why = "is not there: name a folder of Markdown articles, a git repository"
        assert summary["status"] == "incomplete"
        assert summary["unread"][0].startswith(f"source '{hub.work.folder}' {why}")
        assert (summary["sources_unread"], summary["loaded"]) == (1, loaded)
        ((subject, reason),) = hub.ask(STANDING)
        assert (subject, reason.endswith("; its last state stays")) == (
            str(hub.work.folder),
            True,
        )
        assert len(hub.documents()) == 3
        (status,) = hub.ask("select status from runs order by run_number desc")[0]
        assert status == "incomplete"

    (tmp_path / "away").rename(hub.work.folder)
    assert run_sources(hub.data, place, other)["status"] == "complete"
    assert hub.ask(STANDING) == []


def test_a_fetch_that_fails_leaves_the_last_state(hub: GitHub, tmp_path: Path) -> None:
    head = hub.work.commit(a=article("a"))
    hub.run()
    before = (hub.data / "news.duckdb").read_bytes()
    hub.settings["location"] = "http://127.0.0.1:1/hub.git"

    with pytest.raises(IncompleteError) as caught:
        hub.run()

    assert "source 'hub' cannot be fetched: unable to access" in str(caught.value)
    assert caught.value.summary is None
    assert (hub.data / "news.duckdb").read_bytes() == before
    hub.settings["location"] = str(hub.work.folder)
    assert fates(hub.run()) == (0, 1, 0, 0)
    assert hub.documents() == {"a.md": head}
    statuses = hub.ask("select status from runs order by run_number")
    assert statuses == [("complete",), ("broken",), ("complete",)]


def test_a_password_in_an_address_is_nowhere_to_be_seen(hub: GitHub) -> None:
    hub.work.commit(a=article("a"))
    hub.run()
    hub.settings = {"location": "http://ada:hunter2@127.0.0.1:1/x", "name": ""}

    with pytest.raises(IncompleteError) as caught:
        hub.run()

    assert "hunter2" not in str(caught.value)
    working = hub.data / "warehouse" / "working.duckdb"
    assert b"hunter2" not in working.read_bytes()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"branch": "nope"},
            "it has no branch 'nope': name one of main as its `branch`",
        ),
        ({"folder": "nope"}, "has no folder 'nope' at commit"),
        ({"location": "ftp://x.example/a"}, "address of kind 'ftp://': git reads file"),
        ({"location": "ext::sh -c true"}, "transport 'ext' not allowed"),
    ],
)
def test_a_wrong_setting_of_a_source_is_told_in_words(
    hub: GitHub, settings: dict[str, str], words: str
) -> None:
    hub.work.commit(a=article("a"))
    hub.settings |= settings

    with pytest.raises(IncompleteError, match=words):
        hub.run()


def test_a_mirror_that_breaks_while_it_is_read_is_made_anew_by_the_next_run(
    hub: GitHub,
) -> None:
    hub.work.commit(a=article("a" * 30))
    hub.run()
    (mirror,) = (hub.data / "mirrors").iterdir()
    for pack in (mirror / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o600)
        content = bytearray(pack.read_bytes())
        start = len(content) // 2
        content[start : start + 40] = bytes(40)
        pack.write_bytes(bytes(content))

    with pytest.raises(
        IncompleteError, match="has a damaged mirror, which the next run"
    ):
        hub.run(full=True)

    assert fates(hub.run(full=True)) == (1, 0, 0, 0)


# Ends that come too early


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_while_it_fetches_leaves_no_process(
    hub: GitHub, tmp_path: Path, how: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        program = [
            sys.executable,
            "-m",
            "flows.cli",
            "run",
            "--source",
            url,
            "--direct",
        ]
        with subprocess.Popen(
            [sys.executable, "-c", "from flows.cli import main; main()", *program[3:]],
            cwd=tmp_path, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as run:  # fmt: skip
            silent.settimeout(60)
            connection, _ = silent.accept()
            with connection:
                assert _processes_of(url)
                run.send_signal(how)
                assert run.wait(60) == (130 if how == signal.SIGINT else -how)
                _wait_until(lambda: not _processes_of(url))


def _processes_of(word: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if word in line and "git" in line.partition(" ")[0]:
            found.append(line)
    return found


def _wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(100):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError


def test_a_fetch_that_takes_too_long_is_ended(hub: GitHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        hub.settings["location"] = url

        with pytest.raises(IncompleteError, match=r"git took longer than 0\.5 seconds"):
            hub.run(read=ReadSettings(git_seconds=0.5))

        _wait_until(lambda: not _processes_of(url))


def test_a_run_that_was_killed_while_it_loaded_is_repaired(
    hub: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.stages import sources as stage

    hub.work.commit(a=article("a"), b=article("b"))
    hub.run()
    hub.work.commit(a=article("a", heat=1), b=article("b", heat=1))
    with monkeypatch.context() as patched:
        patched.setattr(stage, "finish_source", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            hub.run()
    hub.work.git("reset", "--quiet", "--hard", "HEAD~1")
    hub.work.commit(b=article("b", heat=1))

    hub.run()

    assert_as_one_load(hub, tmp_path)


# The real thing


@needs_corpus
def test_the_corpus_is_the_same_from_its_bundle_and_from_its_folder(
    tmp_path: Path,
) -> None:
    bundle = SourceSettings(location=str(BUNDLE), name="hub")
    folder = SourceSettings(location=str(SHARED / "corpus" / "powerapps"), name="hub")
    run_sources(tmp_path / "git", bundle)
    run_sources(tmp_path / "folder", folder)

    found, expected = (
        dump(tmp_path / kind / "news.duckdb") for kind in ("git", "folder")
    )

    for name in expected.keys() - {
        "documents",
        "observations",
        "versions",
        "sources",
        "files",
    }:
        assert found[name] == expected[name], name
    assert len(found["documents"]) == len(expected["documents"])
