"""Whichever way a history is read, and wherever that ended, the same is kept of it."""

from __future__ import annotations

import dataclasses
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.backfill import backfill
from tasks.run import Run
from tasks.stages import history as stage
from tasks.steps import Steps
from tests.faults.killed_backfill import POINTS
from tests.past import OBSERVATIONS, VERSIONS, Past, just_read
from tests.tables import dump

ROOT = Path(__file__).parents[1]


@pytest.fixture
def hub(tmp_path: Path) -> Past:
    """An empty git hub."""
    return Past(tmp_path)


@pytest.mark.parametrize("seed", range(2))
def test_however_a_history_is_read_the_same_is_kept_of_it(
    hub: Past, tmp_path: Path, seed: int
) -> None:
    """After every commit; once and then back; back and then on; all at once."""
    draw = random.Random(seed)  # noqa: S311 - a test's choices are no secret
    commit_by_commit, late, early = (tmp_path / name for name in "cle")
    for number in range(12):
        change_something(hub, draw)
        hub.tell(just_read, commit_by_commit)
        if number == 5:
            hub.tell(backfill, early)
        if number in {3, 8}:
            hub.tell(just_read, late)
    hub.tell(just_read, early)
    hub.tell(backfill, late)
    hub.tell(backfill)

    kept = {
        data.name: (hub.ask(OBSERVATIONS, data), hub.ask(VERSIONS, data))
        for data in (hub.data, late, early, commit_by_commit)
    }
    assert kept["l"] == kept["data"]
    assert kept["e"] == kept["data"]
    assert kept["c"] == kept["data"]
    # Of a file that two branches deleted, the one read first tells since when.
    removals = "select path, removed_at is null from documents order by path"
    assert hub.ask(removals, commit_by_commit) == hub.ask(removals)


def change_something(hub: Past, draw: random.Random) -> None:
    """Commit a change, a deletion, a renaming or a merge, seconds apart at most."""
    work = hub.work
    news = work.folder / "_news"
    there = sorted(file.stem for file in news.glob("*.md")) if news.exists() else []
    what = draw.random()
    name = draw.choice("abcd")
    if what < 0.15 and there:
        hub.text(draw.choice(there), None)
    elif what < 0.25 and there:
        old = draw.choice(there)
        work.git("mv", "--force", f"_news/{old}.md", f"_news/{name}{old}.md")
        work.commit_all()
    elif what < 0.35:
        hub.text(name, "spoilt")
    elif what < 0.6 and there:
        merge_a_branch(hub, draw)
    else:
        put_something(hub, name, draw)
    work.commits -= draw.choice([0, 0, 1, 2])  # the next one's clock may be behind


def put_something(hub: Past, name: str, draw: random.Random) -> None:
    hub.put(
        name,
        title=draw.choice(["one", "two"]),
        heat=draw.randrange(3),
        secured=f'"{draw.randrange(1_000):04};AAAA"',
    )


def merge_a_branch(hub: Past, draw: random.Random) -> None:
    """Let two branches go apart, and join them as one of them has it."""
    work = hub.work
    work.git("checkout", "--quiet", "-B", "side")
    for _ in range(draw.randrange(1, 3)):
        put_something(hub, draw.choice("abcd"), draw)
    work.commits -= draw.randrange(3)
    work.git("checkout", "--quiet", "main")
    put_something(hub, draw.choice("abcd"), draw)
    strategy = draw.choice([["--strategy=ours"], ["-Xours"], ["-Xtheirs"]])
    work.git("merge", "--quiet", "--no-ff", "--message=m", *strategy, "side")
    work.commits += 1


def test_a_second_backfill_changes_nothing(hub: Past) -> None:
    draw = random.Random(1)  # noqa: S311 - a test's choices are no secret
    for _ in range(10):
        change_something(hub, draw)
    hub.backfill()
    before = dump(hub.data / "news.duckdb"), hub.ask(OBSERVATIONS), hub.ask(VERSIONS)

    summary = hub.backfill()

    after = dump(hub.data / "news.duckdb"), hub.ask(OBSERVATIONS), hub.ask(VERSIONS)
    assert after == before
    assert (summary["versions"], summary["loaded"]) == (0, 0)


def test_backfill_reads_on_from_where_it_was(hub: Past) -> None:
    hub.put("a", title="a", heat=1)
    hub.backfill()
    hub.put("a", title="a", heat=2)

    summary = hub.backfill()

    assert summary["versions"] == 1
    assert [row[3] for row in hub.seen()] == [1, 2]


def test_a_rewritten_history_is_read_too(hub: Past) -> None:
    hub.put("a", title="a", heat=1)
    hub.put("a", title="a", heat=2)
    hub.backfill()
    hub.work.git("reset", "--quiet", "--hard", "HEAD~1")
    hub.put("a", title="a", heat=3)
    hub.put("a", title="a", heat=4)

    hub.run()
    ran = hub.seen()
    hub.backfill()

    assert [(row[1], row[3]) for row in ran] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert hub.seen() == ran


def test_another_repository_under_the_same_name_is_read_from_its_beginning(
    hub: Past, tmp_path: Path
) -> None:
    hub.put("a", title="a", heat=1)
    hub.backfill()
    other = Past(tmp_path / "other")
    other.put("b", title="b", heat=1)
    other.put("b", title="b", heat=2)

    other.tell(backfill, hub.data)

    assert [(row[0], row[3]) for row in hub.seen()] == [
        ("a.md", 1),
        ("b.md", 1),
        ("b.md", 2),
    ]


def test_a_backfill_that_was_ended_goes_on_with_what_is_not_kept(
    hub: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "BATCH_VERSIONS", 3)
    draw = random.Random(2)  # noqa: S311 - a test's choices are no secret
    for _ in range(10):
        change_something(hub, draw)
    hub.tell(backfill, hub.data.with_name("whole"))
    whole = hub.ask(VERSIONS, hub.data.with_name("whole"))

    with pytest.raises(KeyboardInterrupt):
        hub.tell(ended_after(2))
    begun = hub.ask(VERSIONS)
    hub.backfill()

    assert 0 < len(begun) < len(whole)
    assert hub.ask(VERSIONS) == whole


def ended_after(batches: int) -> Callable[[Run, Steps], None]:
    """Tell the story of a back-fill that somebody ends."""

    def story(run: Run, steps: Steps) -> None:
        count = iter(range(batches))
        read = steps.read_versions

        def read_some(*arguments: Any) -> None:
            if next(count, None) is None:
                raise KeyboardInterrupt
            read(*arguments)

        backfill(run, dataclasses.replace(steps, read_versions=read_some))

    return story


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_backfill_started_again_ends_with_the_same_tables(
    hub: Past, uninterrupted: Path, point: str
) -> None:
    shutil.copytree(uninterrupted / "work", hub.work.folder, dirs_exist_ok=True)
    program = [sys.executable, "-m", "tests.faults.killed_backfill"]
    killed = subprocess.run(
        [*program, str(hub.data.parent), point], cwd=ROOT, check=False, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL

    hub.backfill()

    whole = uninterrupted / "data"
    assert hub.ask(OBSERVATIONS) == hub.ask(OBSERVATIONS, whole)
    assert hub.ask(VERSIONS) == hub.ask(VERSIONS, whole)
    assert dump(hub.data / "news.duckdb") == dump(whole / "news.duckdb")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hub whose back-fill nobody disturbed; one file of it is gone."""
    hub = Past(tmp_path_factory.mktemp("uninterrupted"))
    draw = random.Random(3)  # noqa: S311 - a test's choices are no secret
    hub.put("gone", title="gone", heat=1)
    for _ in range(6):
        change_something(hub, draw)
    if (hub.work.folder / "_news" / "gone.md").exists():
        hub.text("gone", None)
    hub.backfill()
    return hub.data.parent
