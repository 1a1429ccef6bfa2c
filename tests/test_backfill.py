"""A repository's whole history becomes observations, whichever way it is read."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.backfill import backfill
from flows.direct import run_direct
from flows.refresh import read_sources, refresh
from tasks.run import Job, Run, working_file
from tasks.settings import Settings, SourceSettings
from tasks.stages import history as stage
from tasks.steps import Steps
from tests.hub import MOMENT
from tests.repository import FIRST_SECOND, STEP_SECONDS, Work
from tests.tables import dump

OBSERVATIONS = """
select path, observed_at, title, heat, quality, is_published, observations.revision
from observations join documents using (document_id) order by path, observed_at
"""
VERSIONS = "select * from versions order by all"
SEEN = """
select split_part(path, '/', 2), (epoch(observed_at) - {}) // {}, title, heat
from observations join documents using (document_id) order by all
"""


class Archive:
    """A git hub, and data directories that it is read into."""

    def __init__(self, folder: Path) -> None:
        self.work = Work(folder / "work")
        self.data = folder / "data"
        self.said: list[str] = []

    def put(self, name: str, **fields: object) -> str:
        """Commit an article file of the hub, its fields a line each."""
        lines = [f"webUrl: https://news.example/{name}"]
        lines += [f"{key}: {value}" for key, value in fields.items()]
        return self.text(name, "\n".join(["---", *lines, "---", ""]))

    def text(self, name: str, content: str | None) -> str:
        """Commit a file of the hub as it is; None deletes it."""
        return self.work.commit(**{f"_news__{name}": content})

    def tell(
        self, story: Callable[[Run, Steps], None], data: Path | None = None
    ) -> dict[str, Any]:
        """Tell a story of the hub's one source, at the same moment each time."""
        place = SourceSettings(location=str(self.work.folder), name="hub")
        settings = Settings(sources=(place,), data=data or self.data)
        job = Job(
            settings,
            with_pages=False,
            with_images=False,
            moment=MOMENT,
            say=self.said.append,
        )
        return run_direct(story, job)

    def run(self) -> dict[str, Any]:
        """Refresh, and publish."""
        return self.tell(refresh)

    def backfill(self) -> dict[str, Any]:
        """Read all of the history, and publish."""
        return self.tell(backfill)

    def ask(self, statement: str, data: Path | None = None) -> list[tuple[Any, ...]]:
        """Ask the working file."""
        path = working_file(data or self.data)
        with duckdb.connect(str(path), read_only=True) as found:
            found.execute("set TimeZone = 'UTC'")
            return found.execute(statement).fetchall()

    def seen(self) -> list[tuple[Any, ...]]:
        """Return file, number of the commit, title and heat of each observation."""
        return self.ask(SEEN.format(FIRST_SECOND, STEP_SECONDS))


def just_read(run: Run, steps: Steps) -> None:
    """Refresh without publishing, which takes most of the time."""
    read_sources(run, steps)
    run.finish("complete")


@pytest.fixture
def hub(tmp_path: Path) -> Archive:
    """An empty git hub."""
    return Archive(tmp_path)


def moment(number: int) -> datetime:
    return datetime.fromtimestamp(FIRST_SECOND + STEP_SECONDS * number, UTC)


# What is observed


def test_each_change_that_a_reader_could_see_is_observed_when_it_was_committed(
    hub: Archive,
) -> None:
    hub.put("a", title="one", heat=1)
    hub.put("a", title="one", heat=2)
    hub.put("a", title="one", heat=2, secured='"AAAA;BBBB"')
    hub.put("a", title="two", heat=2, excerpt="unseen")
    hub.put("a", title="two", heat=2, excerpt="other")

    summary = hub.backfill()

    assert hub.seen() == [
        ("a.md", 0, "one", 1),
        ("a.md", 1, "one", 2),
        ("a.md", 3, "two", 2),
    ]
    assert (summary["versions"], summary["versions_rejected"]) == (5, 0)
    assert len(hub.ask(VERSIONS)) == 5


def test_the_first_run_observes_files_as_they_are_since_their_last_change(
    hub: Archive,
) -> None:
    hub.put("a", title="a", heat=1)
    hub.put("b", title="b", heat=1)
    hub.put("a", title="a", heat=2)
    hub.put("b", title="b", heat=1, secured="x")

    hub.run()

    assert hub.seen() == [("a.md", 2, "a", 2), ("b.md", 3, "b", 1)]


def test_commits_between_two_runs_lose_nothing(hub: Archive) -> None:
    hub.put("a", title="a", heat=0)
    hub.run()
    for heat in range(1, 12):
        hub.put("a", title="a", heat=heat)
    hub.put("b", title="b", heat=0)
    hub.text("b", None)

    hub.run()

    heats = [("a.md", heat, "a", heat) for heat in range(12)]
    assert hub.seen() == [*heats, ("b.md", 12, "b", 0)]
    assert hub.ask("select path, removed_at from documents order by path") == [
        ("_news/a.md", None),
        ("_news/b.md", moment(13)),
    ]


def test_of_two_commits_in_the_same_second_the_later_in_history_counts(
    hub: Archive,
) -> None:
    for heat in range(4):
        hub.put("a", title="a", heat=heat)
        hub.work.commits = 0

    hub.backfill()

    assert hub.seen() == [("a.md", 0, "a", 3)]


def test_of_two_branches_in_the_same_second_the_same_counts_whichever_was_read_first(
    hub: Archive, tmp_path: Path
) -> None:
    hub.put("a", title="a", heat=0)
    hub.work.git("checkout", "--quiet", "-b", "side")
    hub.put("a", title="a", heat=1)
    hub.work.commits -= 1
    hub.work.git("checkout", "--quiet", "main")
    hub.put("a", title="a", heat=2)
    hub.tell(just_read)
    hub.work.git("merge", "--quiet", "--strategy=ours", "--message=m", "side")
    hub.tell(just_read)
    one_by_one = hub.ask(VERSIONS)[-2:]

    hub.tell(backfill, tmp_path / "whole")

    assert hub.ask(VERSIONS, tmp_path / "whole")[-2:] == one_by_one


def test_a_version_that_is_no_article_is_counted_and_told_once(hub: Archive) -> None:
    hub.put("a", title="a", heat=1)
    hub.text("a", "---\ntitle: [\n---\n")
    hub.text("a", "no front matter")
    hub.put("a", title="a", heat=2)

    summary = hub.backfill()

    assert hub.seen() == [("a.md", 0, "a", 1), ("a.md", 3, "a", 2)]
    assert summary["versions_rejected"] == 2
    told = [line for line in hub.said if "no readable article" in line]
    assert len(told) == 1
    assert "2 of 4 versions" in told[0]
    assert hub.ask("select count(*) from rejections") == [(0,)]


def test_a_file_that_is_gone_is_a_document_as_it_last_was(hub: Archive) -> None:
    hub.put("a", title="first", heat=1, related="[{webUrl: https://news.example/x}]")
    hub.put("a", title="last", heat=2, related="[{webUrl: https://news.example/x}]")
    hub.text("a", "spoilt")
    hub.text("a", None)
    hub.put("b", title="b")

    hub.backfill()

    documents = "select path, removed_at, front_matter ->> 'title' from documents"
    assert hub.ask(f"{documents} order by path") == [
        ("_news/a.md", moment(3), "last"),
        ("_news/b.md", None, "b"),
    ]
    articles = "select title, is_stub, is_orphaned from articles order by title"
    assert hub.ask(articles) == [
        ("b", False, False),
        ("last", False, True),
        (None, True, True),
    ]
    assert hub.ask("select count(*) from related_edges where removed_at is null") == [
        (0,)
    ]


def test_a_renamed_file_leaves_the_article_to_the_new_one(hub: Archive) -> None:
    url = "https://news.example/same"
    hub.put("new", title="older", webUrl=url, publishedDateTime="2023-01-01")
    hub.work.git("mv", "_news/new.md", "_news/old.md")
    hub.put("old", title="gone", webUrl=url, publishedDateTime="2024-01-01")
    hub.text("old", None)
    hub.put("new", title="kept", webUrl=url, publishedDateTime="2022-01-01")

    hub.backfill()

    assert hub.ask("select title, is_orphaned from articles where not is_stub") == [
        ("kept", False)
    ]
    assert hub.ask("select path from documents where removed_at is null") == [
        ("_news/new.md",)
    ]


def test_a_file_that_is_spoilt_now_is_there_as_it_last_could_be_read(
    hub: Archive,
) -> None:
    hub.put("a", title="good", heat=1)
    hub.text("a", "spoilt")

    hub.backfill()

    assert hub.seen() == [("a.md", 0, "good", 1)]
    assert hub.ask("select title from articles") == [("good",)]
    assert hub.ask("select removed_at from documents") == [(None,)]
    assert hub.ask("select count(*) from rejections where resolved_at is null") == [
        (1,)
    ]


def test_what_a_merge_threw_away_is_not_what_was_seen_last(hub: Archive) -> None:
    hub.put("a", title="a", heat=0)
    hub.work.git("checkout", "--quiet", "-b", "side")
    hub.put("a", title="a", heat=1)
    hub.put("b", title="thrown away")
    hub.work.git("checkout", "--quiet", "main")
    hub.work.git("merge", "--quiet", "--strategy=ours", "--message=m", "side")
    hub.work.commits += 1

    hub.backfill()

    assert hub.seen() == [
        ("a.md", 0, "a", 0),
        ("a.md", 1, "a", 1),
        ("a.md", 3, "a", 0),
        ("b.md", 2, "thrown away", None),
    ]
    assert hub.ask("select removed_at from documents where path = '_news/b.md'") == [
        (moment(3),)
    ]


def test_only_article_files_of_the_hub_are_observed(hub: Archive) -> None:
    hub.work.put("README.md", "---\nwebUrl: https://news.example/readme\n---\n")
    hub.work.put("_news/.hidden/a.md", "---\nwebUrl: https://news.example/h\n---\n")
    hub.work.put("_news/a.yaml", "---\nwebUrl: https://news.example/y\n---\n")
    hub.work.put("_news/note.txt", "no article")
    hub.work.put("_news/a.txt", "---\nwebUrl: https://news.example/t\n---\n")
    hub.put("a", title="a")

    summary = hub.backfill()

    assert [row[0] for row in hub.seen()] == ["a.md", "a.txt"]
    assert summary["versions_rejected"] == 0


# Whichever way it is read


@pytest.mark.parametrize("seed", range(4))
def test_however_a_history_is_read_the_same_is_kept_of_it(
    hub: Archive, tmp_path: Path, seed: int
) -> None:
    """After every commit; once and then back; back and then on; all at once."""
    draw = random.Random(seed)  # noqa: S311 - a test's choices are no secret
    commit_by_commit, late, early = (tmp_path / name for name in "cle")
    for number in range(14):
        change_something(hub, draw)
        hub.tell(just_read, commit_by_commit)
        if number == 5:
            hub.tell(backfill, early)
        if number in {3, 9}:
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
    removals = "select path, removed_at from documents order by path"
    assert hub.ask(removals, commit_by_commit) == hub.ask(removals)


def change_something(hub: Archive, draw: random.Random) -> None:
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


def put_something(hub: Archive, name: str, draw: random.Random) -> None:
    hub.put(
        name,
        title=draw.choice(["one", "two"]),
        heat=draw.randrange(3),
        secured=f'"{draw.randrange(1_000):04};AAAA"',
    )


def merge_a_branch(hub: Archive, draw: random.Random) -> None:
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


def test_a_second_backfill_changes_nothing(hub: Archive) -> None:
    draw = random.Random(1)  # noqa: S311 - a test's choices are no secret
    for _ in range(10):
        change_something(hub, draw)
    hub.backfill()
    before = dump(hub.data / "news.duckdb"), hub.ask(OBSERVATIONS), hub.ask(VERSIONS)

    summary = hub.backfill()

    after = dump(hub.data / "news.duckdb"), hub.ask(OBSERVATIONS), hub.ask(VERSIONS)
    assert after == before
    assert (summary["versions"], summary["loaded"]) == (0, 0)


def test_backfill_reads_on_from_where_it_was(hub: Archive) -> None:
    hub.put("a", title="a", heat=1)
    hub.backfill()
    hub.put("a", title="a", heat=2)

    summary = hub.backfill()

    assert summary["versions"] == 1
    assert [row[3] for row in hub.seen()] == [1, 2]


def test_a_rewritten_history_is_read_too(hub: Archive) -> None:
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


def test_a_backfill_that_was_ended_goes_on_with_what_is_not_kept(
    hub: Archive, monkeypatch: pytest.MonkeyPatch
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

        import dataclasses

        backfill(run, dataclasses.replace(steps, read_versions=read_some))

    return story
