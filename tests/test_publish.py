"""What is published never lies: of its own run, of what was before it, of a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event, Lock, Thread
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from flows.stopping import StoppedError, stoppable
from tasks import files, publish
from tasks.models import Severity
from tasks.publish import AuditError, disagreements
from tasks.snapshots import find_snapshots
from tasks.warehouse.engine import sql_names, words_asked
from tasks.warehouse.published import Published
from tasks.warehouse.working import HEAVY_BYTES, Warehouse
from tests.hub import Hub


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Ask any database file."""
    with duckdb.connect(str(path), read_only=True) as found:
        return found.execute(statement).fetchall()


def statuses(path: Path) -> list[tuple[int, str]]:
    return ask(path, "select run_number, status from runs order by run_number")


def working(hub: Hub) -> Path:
    return hub.data / "warehouse" / "working.duckdb"


def test_what_is_published_is_the_working_file_byte_for_byte(hub: Hub) -> None:
    hub.write("a.md")

    hub.run()

    published = hub.data / "news.duckdb"
    assert statuses(published) == [(1, "complete")]
    assert published.read_bytes() == working(hub).read_bytes()
    assert not list(hub.data.glob("**/*.wal"))


def test_a_run_that_was_killed_before_its_copy_was_in_place_is_unpublished(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file says that it is complete until the next run knows better."""
    hub.write("a.md")
    hub.run()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _killed)
        with pytest.raises(KeyboardInterrupt):
            hub.run()
    assert statuses(working(hub)) == [(1, "complete"), (2, "complete")]

    hub.run()

    assert statuses(hub.data / "news.duckdb") == [
        (1, "complete"), (2, "unpublished"), (3, "complete"),
    ]  # fmt: skip


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_while_a_large_file_is_copied_ends_at_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """A slow disk: a piece each hundredth of a second would take half a minute."""
    hub.write("a.md")
    hub.run()
    before = (hub.data / "news.duckdb").read_bytes()
    copied: list[tuple[int, ...]] = []
    synced: list[str] = []
    copy_piece, sync_file = files._copy_piece, files.sync_file
    close, is_closed = Warehouse.close, Event()

    def close_first(warehouse: Warehouse) -> None:
        close(warehouse)
        is_closed.set()

    def copy_slowly(*places: int) -> int:
        is_closed.wait(60)  # all else is done, and the copy is waited for
        copied.append(places)
        if len(copied) == 3:
            os.kill(os.getpid(), number)
        time.sleep(0.01)
        return copy_piece(*places)

    def sync(path: Path) -> None:
        synced.append(path.name)
        sync_file(path)

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "close", close_first)
        patch.setattr(files, "PIECE_BYTES", 2_000)
        patch.setattr(files, "_copy_piece", copy_slowly)
        patch.setattr(publish, "sync_file", sync)
        with pytest.raises(StoppedError), stoppable():
            hub.run()

    assert 3 <= len(copied) < len(before) / 2_000 / 2
    assert ".news.duckdb.new" not in synced
    assert (hub.data / "news.duckdb").read_bytes() == before
    assert not list(hub.data.glob(".*"))
    hub.run()
    assert statuses(hub.data / "news.duckdb") == [
        (1, "complete"), (2, "unpublished"), (3, "complete"),
    ]  # fmt: skip


def test_a_run_that_is_stopped_while_parquet_is_written_waits_for_what_is_begun(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody closes the working file while a thread still reads it.

    Each thread sends a signal: the second one comes while the first is obeyed.
    """
    hub.write("a.md")
    begun: list[str] = []
    ended: list[str] = []
    all_begun = Barrier(publish.WRITERS)
    one_by_one = Lock()
    write_folder = publish._write_folder

    def write_slowly(warehouse: Published, target: Path, *rows: Any) -> None:
        begun.append(target.name)
        all_begun.wait(60)
        with one_by_one:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
        write_folder(warehouse, target, *rows)
        ended.append(target.name)

    with monkeypatch.context() as patch:
        patch.setattr(publish, "_write_folder", write_slowly)
        with pytest.raises(StoppedError), stoppable():
            hub.run()

    assert len(begun) == publish.WRITERS
    assert sorted(ended) == sorted(begun)
    hub.run()
    assert statuses(hub.data / "news.duckdb") == [
        (1, "unpublished"), (2, "complete"),
    ]  # fmt: skip


def test_a_run_that_is_stopped_while_its_writers_are_started_leaves_none_behind(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine may run a new thread long before the one that started it."""
    hub.write("a.md")
    started: list[Thread] = []

    class SlowlyStarted(Thread):
        def start(self) -> None:
            super().start()
            if self.name.endswith("(work)"):
                started.append(self)
                time.sleep(0.1)  # what it does now is waited for by nobody yet
                os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(publish, "_write_folder", lambda *_: time.sleep(0.5))
        patch.setattr(publish, "Thread", SlowlyStarted)
        with pytest.raises(StoppedError), stoppable():
            hub.run()

    assert len(started) == publish.WRITERS
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("heavy_bytes", [0, HEAVY_BYTES])
def test_a_table_that_cannot_be_written_ends_the_run_and_is_there_after_the_next(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, heavy_bytes: int
) -> None:
    """Tables of a light file are written side by side, of a heavy one in turn."""
    monkeypatch.setattr("tasks.warehouse.working.HEAVY_BYTES", heavy_bytes)
    hub.write("a.md")
    hub.run()
    before = (hub.data / "news.duckdb").read_bytes()
    in_the_way = hub.write_text("../data/parquet/.articles.new", "no folder")
    hub.write("b.md")

    with pytest.raises(FileExistsError, match=r"\.articles\.new"):
        hub.run()

    assert (hub.data / "news.duckdb").read_bytes() == before
    in_the_way.unlink()
    hub.run()
    for name, (count,) in zip(
        ("articles", "documents", "runs"),
        hub.ask(
            "select count(*) from articles union all select count(*) from documents"
            " union all select count(*) from runs"
        ),
        strict=True,
    ):
        parquet = hub.data / "parquet" / name / f"{name}.parquet"
        assert pq.read_metadata(parquet).num_rows == count


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


def test_a_reader_who_may_write_stands_in_no_run_s_way(hub: Hub) -> None:
    """As DuckDB's own command line opens a file, unless it is told otherwise."""
    hub.write("a.md")
    hub.run()
    holder = (
        "import duckdb, sys\n"
        "with duckdb.connect(sys.argv[1]):\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(hub.data / "news.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        hub.write("b.md")

        summary = hub.run()

    assert summary["status"] == "complete"
    assert hub.ask("select count(*) from articles") == [(2,)]


def test_a_lost_working_file_does_not_start_the_count_of_runs_again(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()
    hub.run()
    working(hub).unlink()

    hub.run()

    assert statuses(hub.data / "news.duckdb")[-1] == (3, "complete")
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


def test_rules_that_no_change_can_have_broken_are_on_record_all_the_same(
    hub: Hub,
) -> None:
    hub.write("a.md")
    hub.run()
    hub.run()

    rows = hub.ask(
        "select run_number, list((name, severity, failed_rows) order by name)"
        " from audits join runs using (run_id) group by all order by 1"
    )

    (_, first), (_, second) = rows
    assert first == second
    assert len(first) > len(sql_names("audits"))


def test_a_rule_that_warns_is_told_in_each_run(hub: Hub) -> None:
    hub.write("a.md")
    hub.run(moment=datetime.now(UTC) + timedelta(days=3))

    again = hub.run()

    assert again["unchanged"] == 1
    assert set(again["audits"]) == {"moments_in_the_future"}


def test_every_rule_names_a_table_whose_change_makes_it_due(hub: Hub) -> None:
    hub.run()
    tables = {name for (name,) in hub.ask("select table_name from duckdb_tables()")}

    for rule in sql_names("audits"):
        assert words_asked(f"audits/{rule}") & tables, rule


def test_changes_tell_what_became_new_hotter_and_was_removed(hub: Hub) -> None:
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


def test_a_rule_that_only_warns_is_told_and_does_not_stop_a_run(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()
    with duckdb.connect(str(working(hub))) as file:
        file.execute("update documents set changed_at = '2999-01-01'")
    said: list[str] = []

    summary = hub.run(say=said.append)

    assert summary["status"] == "complete"
    assert summary["audits"] == {"moments_in_the_future": 1}
    assert [line for line in said if "2999-01-01" in line]
    found = hub.ask("select run_number, severity from audits join runs using (run_id)"
        " where failed_rows > 0")  # fmt: skip
    assert found == [(2, "warning")]


AHEAD = {
    "runs.started_at": "update runs set started_at = '2999-01-01'",
    "documents.changed_at": "update documents set changed_at = '2999-01-01'",
    "documents.removed_at": "update documents set removed_at = '2999-01-01'",
    "versions.observed_at": "update versions set observed_at = '2999-01-01'",
    "articles.last_seen_at": "update articles set last_seen_at = '2999-01-01'",
    "articles.published_at": "update articles set published_at = '2999-01-01'",
    "captures.requested_at": """
        insert into captures by name
        select
            uuid() as capture_id, article_id, 'u' as url, 'origin' as via,
            1 as attempt, timestamptz '2999-01-01 00:00:00Z' as requested_at,
            'u' as final_url, 'ok' as outcome, '' as reason, 1 as elapsed_ms,
            now() as next_fetch_at
        from articles
        """,
    "images.checked_at": "update images set checked_at = '2999-01-01'",
}


@pytest.mark.parametrize("column", AHEAD)
def test_every_moment_in_the_future_is_told_with_its_row(hub: Hub, column: str) -> None:
    from tasks.warehouse.working import open_warehouse
    from tests.hub import MOMENT

    hub.write("a.md", images=[{"url": "https://news.example/i.png"}])
    hub.run()
    with duckdb.connect(str(working(hub))) as file:
        file.execute(AHEAD[column])
        (run_id,) = file.execute("select run_id from runs").fetchall()[0]

    with open_warehouse(working(hub), MOMENT) as warehouse:
        told = {audit.name: audit for audit in warehouse.audits.audit(run_id)}

    found = told["moments_in_the_future"]
    assert (found.severity, found.failed_rows) == ("warning", 1)
    assert found.detail.startswith(f"{column} 2999-01-01 00:00:00+00 of ")


def test_an_article_that_waits_for_its_day_unseen_is_no_fault(hub: Hub) -> None:
    hub.write("a.md", published=False, publishedDateTime="2999-01-01T00:00:00Z")

    assert hub.run()["audits"] == {}


@pytest.mark.parametrize(
    ("changed", "loaded", "told"),
    [
        ({}, 2, []),
        ({}, None, []),
        ({"files": 4}, 2, ["4 files, 3 fates"]),
        ({"deferred": 0}, 2, ["3 urls_due, 2 fates"]),
        ({"images_failed": 2}, 2, ["3 images_due, 4 fates"]),
        ({}, 5, ["2 loaded or unchanged, 5 in the warehouse"]),
    ],
)
def test_counts_that_do_not_add_up_are_told(
    changed: dict[str, int], loaded: int | None, told: list[str]
) -> None:
    fates = (
        "loaded unchanged rejected captured failed deferred"
        " images_cached images_failed images_deferred"
    ).split()
    due = dict.fromkeys(("files", "urls_due", "images_due"), 3)
    counts = due | dict.fromkeys(fates, 1)

    assert disagreements({**counts, **changed}, loaded) == told


DAMAGE = {
    "articles_without_document": "update articles set document_id = uuid()",
    "articles_without_provider_row": "update articles set provider_id = uuid()",
    "captures_without_article": """
        insert into captures by name
        select
            uuid() as capture_id, uuid() as article_id, 'u' as url, 'origin' as via,
            1 as attempt, now() as requested_at, 'u' as final_url, 'ok' as outcome,
            '' as reason, 1 as elapsed_ms, now() as next_fetch_at
        """,
    "captures_twice": """
        insert into captures by name
        select
            uuid() as capture_id, article_id, 'u' as url, via, 1 as attempt,
            now() as requested_at, 'u' as final_url, 'ok' as outcome, '' as reason,
            1 as elapsed_ms, now() as next_fetch_at
        from articles cross join unnest(['origin', 'amp']) as vias(via)
        """,
    "cached_images_without_file_name": "update images set status = 'cached'",
    "image_versions_without_image": """
        insert into image_versions by name
        select
            uuid() as image_id, now() as first_seen_at, 'f00' as sha256,
            'image/png' as mime_type, 1 as size_bytes
        """,
    "documents_twice": """
        insert into documents
        select uuid(), columns(* exclude (document_id)) from documents
        """,
    "documents_without_article": "update documents set article_id = uuid()",
    "documents_without_source": "update documents set source_id = uuid()",
    "audits_without_run": "update audits set run_id = uuid()",
    "edges_twice": "insert into related_edges from related_edges",
    "edges_without_article": "update related_edges set target_article_id = uuid()",
    "files_without_fate": "update files set path = 'other.md'",
    "files_without_reason": "update files set fate = 'rejected'",
    "files_without_source": "update files set source_id = uuid()",
    "images_twice": """
        insert into images select uuid(), columns(* exclude (image_id)) from images
        """,
    "images_without_row": "delete from images",
    "links_without_page": "insert into links values (uuid(), 0, 'u', 'u', null, '')",
    "links_without_target": """
        insert into links values (uuid(), 0, 'u', 'u', uuid(), '')
        """,
    "logos_without_row": "insert into provider_images values (uuid(), uuid(), 0)",
    "observations_without_document": """
        insert into observations by name
        select uuid() as document_id, now() as observed_at, '' as revision
        """,
    "pages_without_capture": """
        insert into pages by name
        select
            article_id, uuid() as capture_id, [] as authors, '' as text,
            0 as word_count, 'utf-8' as encoding, 'bom' as encoding_source,
            [] as flags
        from articles
        """,
    "pages_without_article": """
        insert into pages by name
        select
            uuid() as article_id, uuid() as capture_id, [] as authors, '' as text,
            0 as word_count, 'utf-8' as encoding, 'bom' as encoding_source,
            [] as flags
        """,
    "providers_twice": """
        insert into providers
        select uuid(), columns(* exclude (provider_id)) from providers
        """,
    "rejections_without_run": """
        insert into rejections by name
        select uuid() as run_id, 'read' as stage, 'x' as subject, '' as reason,
            '' as detail
        """,
    "repairs_without_row": """
        insert into repairs by name
        select
            'articles' as subject_table, uuid() as subject_id, 'title' as column_name,
            'mojibake' as rule, 'a' as before, 'b' as after
        """,
    "topics_twice": """
        insert into topics select uuid(), columns(* exclude (topic_id)) from topics
        """,
    "topics_without_parent": "update topics set parent_topic_id = uuid()",
    "topics_without_row": "delete from topics",
    "url_keys_twice": "update articles set url_key = 'https://same.example/'",
    "versions_without_document": """
        insert into versions by name
        select
            uuid() as document_id, now() as observed_at, 0 as generation,
            '' as revision
        """,
}


@pytest.mark.parametrize("rule", DAMAGE)
def test_every_rule_notices_the_damage_it_is_for(hub: Hub, rule: str) -> None:
    from tasks.warehouse.working import open_warehouse
    from tests.hub import MOMENT, related

    hub.write(
        "a.md", topics=["Sea"], related=related("b"),
        provider={"name": "P", "domain": "p.example"},
        images=[{"url": "https://p.example/i.png"}],
    )  # fmt: skip
    hub.run()
    with duckdb.connect(str(working(hub))) as file:
        file.execute(DAMAGE[rule])
        (run_id,) = file.execute("select run_id from runs").fetchall()[0]

    with open_warehouse(working(hub), MOMENT) as warehouse:
        broken = [a for a in warehouse.audits.audit(run_id) if a.failed_rows]

    (found,) = [audit for audit in broken if audit.name == rule]
    assert found.severity == "error"
    assert found.detail


# How a run might break rules in which only the rows of a run are looked at, where the
# last one left all in order: by what it puts at this moment.
SINCE = {
    "articles_without_document": """
        update articles set document_id = uuid(), last_seen_at = $moment
        where title = 'a'
        """,
    "articles_without_provider_row": """
        update articles set provider_id = uuid(), last_seen_at = $moment
        where title = 'a'
        """,
    "url_keys_twice": """
        insert into articles by name
        select * replace (uuid() as article_id, $moment as last_seen_at)
        from articles where title = 'a'
        """,
    "documents_twice": """
        insert into documents by name
        select * replace (uuid() as document_id, $moment as changed_at)
        from documents
        """,
    "documents_without_article": """
        update documents set article_id = uuid(), changed_at = $moment
        """,
    "documents_without_source": """
        update documents set source_id = uuid(), changed_at = $moment
        """,
    "edges_twice": """
        insert into related_edges
        select * replace ($moment as first_seen_at) from related_edges
        """,
    "edges_without_article": """
        insert into related_edges
        select * replace (uuid() as target_article_id, $moment as first_seen_at)
        from related_edges
        """,
}


@pytest.mark.parametrize("rule", SINCE)
def test_rule_that_held_before_is_broken_by_the_rows_of_a_run(
    hub: Hub, rule: str
) -> None:
    from tasks.warehouse.working import open_warehouse
    from tests.hub import MOMENT, related

    hub.write("a.md", title="a", related=related("b"))
    hub.run()
    later = MOMENT + timedelta(days=1)
    with duckdb.connect(str(working(hub))) as file:
        file.execute(SINCE[rule], {"moment": later})
        (run_id,) = file.execute("select run_id from runs").fetchall()[0]

    with open_warehouse(working(hub), MOMENT) as warehouse:
        warehouse.written |= {"articles", "documents", "related_edges"}
        held: dict[str, Severity] = {rule: "error"}
        told = warehouse.audits.audit(run_id, held=held, since=later)
        (found,) = [audit for audit in told if audit.name == rule]

    assert found.failed_rows
    assert found.detail


def test_verifying_looks_at_every_edge_and_a_run_at_some(
    hub: Hub,
) -> None:
    """An old edge that leads nowhere, of an article that no run in reach looks at."""
    from tasks.warehouse.working import open_warehouse
    from tests.hub import MOMENT, related

    hub.write("a.md", related=related("b"))
    hub.run()
    with duckdb.connect(str(working(hub))) as file:
        file.execute("""
            insert into related_edges
            select uuid(), uuid(), 'related', 0, now(), null from range(300_000)
            """)
        (run_id,) = file.execute("select run_id from runs").fetchall()[0]

    failed = {}
    for everything in (False, True):
        with open_warehouse(working(hub), MOMENT) as warehouse:
            told = warehouse.audits.audit(run_id, everything=everything)
            failed[everything] = {a.name: a.failed_rows for a in told}

    assert 0 < failed[False]["edges_without_article"] < 200_000
    assert failed[True]["edges_without_article"] == 300_000


def test_every_rule_is_proven() -> None:
    rules = {p.stem for p in (Path(publish.__file__).parent / "sql/audits").iterdir()}

    assert rules - set(DAMAGE) == {"moments_in_the_future"}  # above


@pytest.mark.parametrize("is_able", [True, False])
@pytest.mark.parametrize("size", [0, 1, 4_000, 4_001])
def test_a_copy_in_pieces_is_the_file_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, size: int, is_able: bool
) -> None:
    """Also where the file system copies nothing by itself, and writes less than all."""
    content = bytes(number % 251 for number in range(size))
    (tmp_path / "from").write_bytes(content)
    written, sync = os.pwrite, os.fdatasync
    synced: list[None] = []
    if not is_able:
        monkeypatch.setattr(os, "copy_file_range", lambda *_: 0)
    monkeypatch.setattr(os, "pwrite", lambda to, part, at: written(to, part[:300], at))
    monkeypatch.setattr(os, "fdatasync", lambda to: synced.append(sync(to)))
    monkeypatch.setattr(files, "PIECE_BYTES", 1_000)
    monkeypatch.setattr(files, "SYNC_BYTES", 2_000)

    files.copy_file(tmp_path / "from", tmp_path / "to")

    assert (tmp_path / "to").read_bytes() == content
    assert len(synced) == size // 2_000
