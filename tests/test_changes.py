"""What became new, other or was removed is told of articles, not of their files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tasks.snapshots import snapshot_of
from tasks.warehouse.published import open_published
from tests.hub import MOMENT, Hub, related
from tests.past import Past
from tests.repository import FIRST_SECOND, STEP_SECONDS

LATER = MOMENT + timedelta(hours=1)
TOLD = "select change, title, happened_at from changes order by happened_at, change"


def told(hub: Hub) -> list[tuple[Any, ...]]:
    return [(change, title, at.astimezone(UTC)) for change, title, at in hub.ask(TOLD)]


def compared(hub: Hub, earlier: int, later: int) -> list[tuple[Any, ...]]:
    """Return what `wirehouse diff` tells, without the columns that changed."""
    before, path = snapshot_of(hub.data, earlier), snapshot_of(hub.data, later)
    with open_published(path, earlier=before) as warehouse:
        _, rows = warehouse.query(warehouse.comparison())
    return [row[:2] for row in rows]


def test_a_file_that_is_renamed_removes_no_article(hub: Hub) -> None:
    hub.write("a.md", title="stays")
    hub.run()
    hub.remove("a.md")
    hub.write("b.md", title="stays", webUrl="https://news.example/a")
    hub.run(moment=LATER)

    assert told(hub) == [("new", "stays", MOMENT)]
    assert compared(hub, 1, 2) == []


def test_an_article_is_removed_when_the_last_of_its_files_is(hub: Hub) -> None:
    for name in ("a.md", "b.md"):
        hub.write(name, title="twice", webUrl="https://news.example/a")
    hub.run()
    for number, name in enumerate(("a.md", "b.md"), start=1):
        hub.remove(name)
        hub.run(moment=MOMENT + timedelta(hours=number))

    assert told(hub) == [
        ("new", "twice", MOMENT),
        ("removed", "twice", MOMENT + timedelta(hours=2)),
    ]
    assert compared(hub, 1, 2) == []
    assert compared(hub, 2, 3) == [("removed", "twice")]


def test_an_article_that_was_mentioned_before_is_new_when_its_file_comes(
    hub: Hub,
) -> None:
    hub.write("a.md", related=related("b"))
    hub.run()
    hub.write("b.md")
    hub.run(moment=LATER)

    assert told(hub) == [("new", "a", MOMENT), ("new", "b", LATER)]


def test_a_file_that_tells_of_another_article_removes_one_and_brings_one(
    hub: Hub,
) -> None:
    hub.write("a.md", title="old", heat=1)
    hub.run()
    hub.write("a.md", title="new", heat=2, webUrl="https://news.example/b")
    hub.run(moment=LATER)

    assert told(hub) == [
        ("new", "old", MOMENT), ("new", "new", LATER), ("removed", "old", LATER),
    ]  # fmt: skip
    assert compared(hub, 1, 2) == [("new", "new"), ("removed", "old")]


def test_what_the_hub_marks_as_removed_is_removed_though_its_file_stands(
    hub: Hub,
) -> None:
    hub.write("a.md")
    hub.run()
    hub.write("a.md", removed=True)
    hub.run(moment=LATER)

    assert told(hub) == [("new", "a", MOMENT), ("removed", "a", LATER)]
    assert compared(hub, 1, 2) == [("removed", "a")]


def test_a_removed_article_that_others_mention_is_removed_all_the_same(
    hub: Hub,
) -> None:
    hub.write("a.md", related=related("b"))
    hub.write("b.md")
    hub.run()
    hub.remove("b.md")
    hub.run(moment=LATER)

    assert ("removed", "b", LATER) in told(hub)
    assert compared(hub, 1, 2) == [("removed", "b")]


def test_the_title_before_is_told_only_where_it_changed(hub: Hub) -> None:
    for number, (title, heat) in enumerate([("a", 1), ("b", 1), ("b", 2)]):
        hub.write("a.md", title=title, heat=heat)
        hub.run(moment=MOMENT + timedelta(hours=number))

    found = hub.ask(
        "select title_before, heat_rise from changes where change = 'changed'"
        " order by happened_at"
    )

    assert found == [("a", 0), (None, 1)]


def test_an_article_of_a_git_history_is_new_before_it_changes(tmp_path: Path) -> None:
    past = Past(tmp_path)
    for heat in (1, 2):
        past.put("a.md", title="a", heat=heat)
    past.backfill()

    found = past.ask("select change, happened_at from changes order by happened_at")

    first = datetime.fromtimestamp(FIRST_SECOND, UTC)
    (new, new_at), (changed, changed_at) = found
    assert (new, changed) == ("new", "changed")
    assert changed_at - new_at == timedelta(seconds=STEP_SECONDS)
    assert new_at - first < timedelta(days=1)


def test_a_state_is_said_to_hold_the_articles_that_have_a_file(hub: Hub) -> None:
    hub.write("a.md")
    hub.write("b.md")
    hub.run()
    hub.remove("b.md")
    hub.run(moment=LATER)

    with open_published(hub.data / "news.duckdb") as warehouse:
        (state,) = warehouse.rows("report/state")

    assert state["articles"] == 1
