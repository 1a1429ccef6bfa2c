"""What is not read again is the same: ranges of tables, and Parquet made of them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import _duckdb
import duckdb
import pytest

from tasks.run import Run
from tasks.warehouse import engine
from tasks.warehouse.published import Published
from tasks.warehouse.ranges import Ranges, RangeTables, checkpoint_of
from tests.hub import MOMENT, Hub, related

GROUP = engine.ROW_GROUP_ROWS
SAID = "run 1"
KEYED = """
create table keyed (
    id integer primary key, heat integer, title varchar, authors varchar[]
)
"""
HOTTER = "update keyed set heat = heat + 100 where "
UNKEYED = "create table unkeyed (id integer, heat integer, title varchar)"


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range is one group of rows, and more are several files; no file is small."""
    monkeypatch.setattr("tasks.warehouse.working.HEAVY_BYTES", 0)
    monkeypatch.setattr("tasks.warehouse.ranges.RANGE_ROWS", GROUP)
    monkeypatch.setattr("tasks.warehouse.ranges.LARGE_ROWS", GROUP)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[_duckdb.DuckDBPyConnection]:
    with engine.connect(tmp_path / "any.duckdb") as connection:
        connection.execute(f"{KEYED}; {UNKEYED}")
        rows = "insert into keyed select i, i % 7, 'title ' || i, [] from range($many)"
        connection.execute(f"{rows} as r(i)", {"many": 5 * GROUP + 9})
        connection.execute("insert into unkeyed select * exclude authors from keyed")
        yield connection


def look(connection: _duckdb.DuckDBPyConnection, known: Ranges | None = None) -> Ranges:
    """Look at both tables after a checkpoint."""
    connection.execute("checkpoint")
    changed = {"keyed", "unkeyed"}
    return Published(connection).ranges.look(known, changed=changed, said=SAID)


def unread(found: Ranges) -> Ranges:
    """Return *found* as if all rows had been other ones: who reads them sees that."""
    rows = {
        name: {part: f"not read: {part}" for part in parts}
        for name, parts in found.rows.items()
    }
    return Ranges(rows, found.places)


def test_only_ranges_that_were_written_to_are_read(
    connection: _duckdb.DuckDBPyConnection,
) -> None:
    before = look(connection)
    touched = f"id in ({GROUP + 3}, {3 * GROUP}, {3 * GROUP + 1})"
    connection.execute(HOTTER + touched)
    after = look(connection, unread(before))

    assert list(before.rows["keyed"]) == ["0", "1", "2", "3", "4", "5"]
    kept = {p for p, told in after.rows["keyed"].items() if told.startswith("not read")}
    assert kept == {"0", "2", "4", "5"}
    assert after.rows["unkeyed"] == unread(before).rows["unkeyed"]


CHANGES = [
    "update keyed set heat = {heat} where {some}",
    "update unkeyed set heat = {heat} where {some}",
    # Whole columns of one value, which DuckDB keeps beside the rows.
    "update keyed set heat = {heat}",
    "update unkeyed set title = null where {some}",
    # Texts too long for a block, and lists, whose rows move to the end.
    "update keyed set title = repeat('x{number}', 20000) where id = {number}",
    "update keyed set authors = ['{heat}'] where {some}",
    "delete from keyed where {some}",
    "delete from unkeyed where {some}",
    "insert into keyed select i, {heat}, '', [] from range({new}, {new} + {many}) r(i)",
    "insert into unkeyed select i, {heat}, 'new' from range({many}) as r(i)",
    "select 1",
]


NEW = count(10)  # beyond all ids, in steps of ten thousand


def changes(draw: random.Random) -> Iterator[str]:
    """Draw one or several changes of the tables."""
    for template in draw.choices(CHANGES, k=draw.choice([1, 1, 3])):
        new = next(NEW) * 10_000
        number = draw.randrange(6 * GROUP)
        yield template.format(
            heat=draw.randrange(3),
            number=number,
            new=new,
            many=draw.choice([1, 900, 3_000]),
            some=f"id between {number} and {number + draw.choice([0, 5, 700])}",
        )


@pytest.mark.parametrize("seed", range(8))
def test_whatever_changed_ranges_tell_what_reading_all_rows_tells(
    connection: _duckdb.DuckDBPyConnection, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - the same changes each time
    known = look(connection)
    for _ in range(12):
        for statement in changes(draw):
            connection.execute(statement)

        known = look(connection, known)

        assert known.rows == look(connection).rows


def test_rows_that_are_not_in_the_file_yet_have_no_place(
    connection: _duckdb.DuckDBPyConnection,
) -> None:
    look(connection)
    connection.execute(HOTTER + "id = 1")

    found = Published(connection).ranges.look()

    assert set(found.places) == {"unkeyed"}


def test_checkpoints_of_a_file_are_counted_while_it_is_open(
    connection: _duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    look(connection)
    with (tmp_path / "any.duckdb").open("rb") as file:
        before = checkpoint_of(file)
        connection.execute(HOTTER + "id = 1")
        unchanged = checkpoint_of(file)
        connection.execute("checkpoint")

        assert (unchanged, checkpoint_of(file)) == (before, before + 1)


def test_a_file_that_is_none_of_duckdb_s_has_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")

    with (tmp_path / "empty").open("rb") as file:
        assert checkpoint_of(file) == 0


MANY = [f"s{number}" for number in range(2 * GROUP + 500)]


def change(hub: Hub, draw: random.Random) -> None:
    """Change some files: new and changed articles, their topics and lists, removals."""
    for name in draw.sample(MANY, 3):
        hub.write(f"{name}.md", heat=draw.randrange(9), topics=draw.sample("uvwx", 2))
    listed = draw.sample(MANY, len(MANY) - draw.choice([0, 1, 50]))
    if draw.random() < 0.5:
        hub.write("all.md", related=related(*sorted(listed)))
    written = sorted(file.name for file in (hub.folder / "_news").glob("s*.md"))
    hub.remove(draw.choice(written))


def other_rows(hub: Hub) -> dict[str, int]:
    """Return how many rows each table in Parquet has that the published one has not."""
    with duckdb.connect(str(hub.data / "news.duckdb"), read_only=True) as found:
        found.execute("select table_name from duckdb_tables()")
        folders = [hub.data / "parquet" / name for (name,) in found.fetchall()]
        return {folder.name: _differences(found, folder) for folder in folders}


def _differences(found: duckdb.DuckDBPyConnection, folder: Path) -> int:
    table, parquet = f"(from {folder.name})", f"(from '{folder}/*.parquet')"
    both = f"{table} except all {parquet}", f"{parquet} except all {table}"
    return sum(len(found.execute(statement).fetchall()) for statement in both)


@pytest.mark.parametrize("threshold", ["32MB", "10KB"])
def test_parquet_is_what_is_published_whatever_runs_changed_and_where_they_ended(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, threshold: str
) -> None:
    """Also where each commit is a checkpoint: rows come to lie where others lay."""
    tuned = engine.TUNED.replace("32MB", threshold)
    assert (tuned == engine.TUNED) == (threshold == "32MB")
    monkeypatch.setattr(engine, "TUNED", tuned)
    draw = random.Random(threshold)  # noqa: S311 - the same changes each time
    hub.write("all.md", related=related(*MANY))
    hub.write("s1.md")
    hub.run()
    for day in range(6):
        change(hub, draw)
        if stopped := {2: "close_books", 4: "is_published"}.get(day):
            with monkeypatch.context() as patch:
                patch.setattr(Run, stopped, _stopped)
                with pytest.raises(KeyboardInterrupt):
                    hub.run(moment=MOMENT + timedelta(days=day, hours=1))
            change(hub, draw)
        hub.run(moment=MOMENT + timedelta(days=day, hours=2))

        assert not any(other_rows(hub).values())


def _stopped(_: object) -> None:
    raise KeyboardInterrupt


def test_after_two_checkpoints_other_rows_may_lie_in_the_same_places(
    connection: _duckdb.DuckDBPyConnection,
) -> None:
    """DuckDB uses again what the one before let go: places prove nothing then."""
    seen: dict[str, str] = {}
    for _ in range(10):
        connection.execute("update keyed set heat = (heat + 1) % 7 where id < 50")
        found = look(connection)
        place, rows = found.places["keyed"]["0"], found.rows["keyed"]["0"]
        if seen.setdefault(place, rows) != rows:
            return
    pytest.fail("no place was used again")


@pytest.mark.parametrize("checkpoints", [0, 1])
def test_places_of_rows_count_if_a_run_made_one_checkpoint_alone(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, checkpoints: int
) -> None:
    hub.write("all.md", related=related(*MANY))
    hub.run()
    known: list[Ranges] = []
    usual_look, usual_books = RangeTables.look, Run.close_books

    def noted(self: RangeTables, found: Ranges, **options: Any) -> Ranges:
        known.append(found)
        return usual_look(self, found, **options)

    def close_books(run: Run) -> None:
        for _ in range(checkpoints):
            run.warehouse.checkpoint()
        usual_books(run)

    monkeypatch.setattr(RangeTables, "look", noted)
    monkeypatch.setattr(Run, "close_books", close_books)
    hub.write("s9.md")
    hub.run(moment=MOMENT + timedelta(hours=1))

    assert set(known[0].rows) > {"articles", "related_edges"}
    assert set(known[0].places) == (
        set() if checkpoints else {"articles", "related_edges"}
    )
    assert not any(other_rows(hub).values())


KILLED = """
import os, signal, sys
from pathlib import Path
from tasks import publish
from tasks.warehouse import ranges
from tests.hub import Hub
ranges.LARGE_ROWS = ranges.RANGE_ROWS = 2048
publish.{name} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Hub(Path(sys.argv[1])).run()
"""


@pytest.mark.parametrize("name", ["_audit", "_write_parquet", "_leave_in_order"])
def test_after_a_kill_between_load_and_publish_parquet_shows_what_was_loaded(
    tmp_path: Path, name: str
) -> None:
    hub = Hub(tmp_path)
    hub.write("all.md", related=related(*MANY))
    hub.write("s9.md", heat=1)
    hub.run()
    hub.write("s9.md", heat=2)
    command = [sys.executable, "-c", KILLED.format(name=name), str(tmp_path)]
    killed = subprocess.run(command, check=False, cwd=Path(__file__).parents[1])
    assert killed.returncode == -signal.SIGKILL

    hub.write("s4000.md", heat=3)
    hub.run()

    assert hub.ask("select count(*) from articles where heat in (2, 3)") == [(2,)]
    assert not any(other_rows(hub).values())


def test_a_run_that_changed_little_reads_little_of_a_large_table(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.write("all.md", related=related(*MANY))
    hub.write("s9.md", heat=1)
    hub.run()
    read: list[tuple[str, int]] = []
    read_part = RangeTables._rows_of_part

    def noted(self: RangeTables, name: str, columns: str, many: int, part: int) -> str:
        read.append((name, part))
        return read_part(self, name, columns, many, part)

    monkeypatch.setattr(RangeTables, "_rows_of_part", noted)
    monkeypatch.setattr(RangeTables, "_all_rows", None)
    hub.write("s9.md", heat=2)
    hub.run(moment=MOMENT + timedelta(hours=1))

    files = list((hub.data / "parquet" / "articles").glob("*.parquet"))
    assert [name for name, _ in read] == ["articles"]
    assert len(files) == 3
