"""What is published never lies: of its own run, of what was before it, of a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tasks import publish
from tasks.publish import AuditError
from tasks.snapshots import find_snapshots
from tests.hub import Hub


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Ask any database file."""
    with duckdb.connect(str(path), read_only=True) as found:
        return found.execute(statement).fetchall()


def statuses(path: Path) -> list[tuple[int, str]]:
    return ask(path, "select run_number, status from runs order by run_number")


def working(hub: Hub) -> Path:
    return hub.data / "warehouse" / "working.duckdb"


def test_only_the_published_copy_says_that_its_run_is_complete(hub: Hub) -> None:
    hub.write("a.md")

    hub.run()

    assert statuses(hub.data / "news.duckdb") == [(1, "complete")]
    assert statuses(working(hub)) == [(1, "publishing")]


def test_the_next_run_finds_that_the_last_one_was_published(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()

    hub.run()

    assert statuses(hub.data / "news.duckdb") == [(1, "complete"), (2, "complete")]


def test_a_run_whose_copy_failed_is_never_told_complete(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.write("a.md")
    hub.run()
    before = (hub.data / "news.duckdb").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(publish, "sync_file", full)
        with pytest.raises(OSError, match="No space"):
            hub.run()

    assert (hub.data / "news.duckdb").read_bytes() == before
    assert not list(hub.data.glob(".*"))
    hub.run()
    assert statuses(hub.data / "news.duckdb") == [
        (1, "complete"), (2, "unpublished"), (3, "complete"),
    ]  # fmt: skip


def test_a_log_left_by_a_killed_run_is_not_applied_to_the_next_copy(hub: Hub) -> None:
    hub.write("a.md")
    hub.data.mkdir()
    (hub.data / ".news.duckdb.new.wal").write_bytes(b"of another file")

    hub.run()

    assert statuses(hub.data / "news.duckdb") == [(1, "complete")]


def test_a_state_published_just_before_a_kill_is_kept_by_the_next_run(
    hub: Hub,
) -> None:
    hub.write("a.md")
    hub.run()
    (hub.data / "snapshots" / "000001.duckdb").unlink()  # killed before it was kept

    hub.run()

    assert statuses(hub.data / "news.duckdb") == [(1, "complete"), (2, "complete")]
    assert list(find_snapshots(hub.data)) == [1, 2]


def test_the_newest_state_costs_nothing_and_old_ones_are_let_go(hub: Hub) -> None:
    for number in range(4):
        hub.write(f"{number}.md")
        hub.run(keep_snapshots=2)

    found = find_snapshots(hub.data)

    assert list(found) == [3, 4]
    assert found[4].samefile(hub.data / "news.duckdb")
    assert ask(found[3], "select count(*) from articles") == [(3,)]


def test_a_reader_keeps_its_state_while_the_next_one_is_published(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()

    with duckdb.connect(str(hub.data / "news.duckdb"), read_only=True) as reader:
        hub.write("b.md")
        hub.run()
        seen = reader.execute("select count(*) from articles").fetchall()

    assert seen == [(1,)]
    assert hub.ask("select count(*) from articles") == [(2,)]


def test_a_lost_working_file_does_not_start_the_count_of_runs_again(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()
    hub.run()
    working(hub).unlink()

    hub.run()

    assert statuses(hub.data / "news.duckdb") == [(3, "complete")]
    assert list(find_snapshots(hub.data)) == [1, 2, 3]


def test_a_broken_rule_keeps_the_published_file_and_names_the_rows(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()
    before = (hub.data / "news.duckdb").read_bytes()
    with duckdb.connect(str(working(hub))) as file:
        file.execute("update articles set document_id = uuid()")

    with pytest.raises(AuditError, match=r"articles_without_document \(1: .*/a\)"):
        hub.run()

    assert (hub.data / "news.duckdb").read_bytes() == before
    assert statuses(working(hub))[-1] == (2, "broken")


def test_changes_tell_what_became_new_hotter_and_was_removed(hub: Hub) -> None:
    from datetime import timedelta

    from tests.hub import MOMENT

    hub.write("stays.md", heat=1)
    hub.write("goes.md")
    hub.run()
    hub.write("stays.md", heat=5)
    hub.remove("goes.md")
    hub.run(moment=MOMENT + timedelta(hours=1))

    told = hub.ask("select change, title, heat_rise from changes order by all")

    assert told == [
        ("changed", "stays", 4), ("new", "goes", None), ("new", "stays", None),
        ("removed", "goes", None),
    ]  # fmt: skip
