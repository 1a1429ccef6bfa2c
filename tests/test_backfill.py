"""A repository's history becomes observations of what a reader could see."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.backfill import backfill
from tasks.settings import ReadSettings
from tests.past import VERSIONS, Past, just_read, moment


@pytest.fixture
def hub(tmp_path: Path) -> Past:
    """An empty git hub."""
    return Past(tmp_path)


def test_each_change_that_a_reader_could_see_is_observed_when_it_was_committed(
    hub: Past,
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
    hub: Past,
) -> None:
    hub.put("a", title="a", heat=1)
    hub.put("b", title="b", heat=1)
    hub.put("a", title="a", heat=2)
    hub.put("b", title="b", heat=1, secured="x")

    hub.run()

    assert hub.seen() == [("a.md", 2, "a", 2), ("b.md", 3, "b", 1)]


def test_commits_between_two_runs_lose_nothing(hub: Past) -> None:
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
    hub: Past,
) -> None:
    for heat in range(4):
        hub.put("a", title="a", heat=heat)
        hub.work.commits = 0

    hub.backfill()

    assert hub.seen() == [("a.md", 0, "a", 3)]


def test_of_two_branches_in_the_same_second_the_same_counts_whichever_was_read_first(
    hub: Past, tmp_path: Path
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


def test_a_version_that_is_no_article_is_counted_and_told_once(hub: Past) -> None:
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


def test_an_unusual_version_is_read_by_a_process_that_may_fail(hub: Past) -> None:
    hub.read = ReadSettings(seconds=1)
    address = "---\nwebUrl: https://news.example/a\n"
    hub.text("a", f"{address}title: &a one\nexcerpt: *a\n---\n")
    hub.text("a", f"{address}title: {'ÃƒÂ' * 600_000}\n---\n")  # takes seconds
    hub.text("b", "---\nwebUrl: https://news.example/b\ntitle: &a two\n---\n")
    hub.put("a", title="three", heat=0)
    hub.text("b", None)

    summary = hub.backfill()

    assert [row[:3] for row in hub.seen()] == [
        ("a.md", 0, "one"),
        ("a.md", 3, "three"),
        ("b.md", 2, "two"),
    ]
    assert (summary["in_sandbox"], summary["versions_rejected"]) == (3, 1)
    documents = "select front_matter ->> 'title' from documents order by path"
    assert hub.ask(documents) == [("three",), ("two",)]


def test_a_file_that_is_gone_is_a_document_as_it_last_was(hub: Past) -> None:
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


def test_a_renamed_file_leaves_the_article_to_the_new_one(hub: Past) -> None:
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
    hub: Past,
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


def test_what_a_merge_threw_away_is_not_what_was_seen_last(hub: Past) -> None:
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


def test_only_article_files_of_the_hub_are_observed(hub: Past) -> None:
    hub.work.put("README.md", "---\nwebUrl: https://news.example/readme\n---\n")
    hub.work.put("_news/.hidden/a.md", "---\nwebUrl: https://news.example/h\n---\n")
    hub.work.put("_news/a.yaml", "---\nwebUrl: https://news.example/y\n---\n")
    hub.work.put("_news/note.txt", "no article")
    hub.work.put("_news/a.txt", "---\nwebUrl: https://news.example/t\n---\n")
    hub.put("a", title="a")

    summary = hub.backfill()

    assert [row[0] for row in hub.seen()] == ["a.md", "a.txt"]
    assert summary["versions_rejected"] == 0
