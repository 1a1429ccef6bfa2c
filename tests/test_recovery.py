"""A working file that is not what the last run left is noticed, kept and made anew."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tasks.recovery import find_damage
from tasks.warehouse.engine import WarehouseError
from tests.hub import Hub
from tests.tables import dump

DYING = """
import os, signal, sys
from pathlib import Path
from tests.hub import Hub
from tasks.publish import publish
import tasks.steps
tasks.steps.PLUGS["publish"] = tasks.steps.Plug("builtins", "")
import builtins
builtins.publish = lambda run: os.kill(os.getpid(), signal.SIGKILL)
Hub(Path(sys.argv[1])).run()
"""


def working(hub: Hub) -> Path:
    return hub.data / "warehouse" / "working.duckdb"


def log(hub: Hub) -> Path:
    return working(hub).with_name("working.duckdb.wal")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hub of which two states are published."""
    hub = Hub(tmp_path_factory.mktemp("published"))
    hub.write("a.md", topics=["Sea"])
    hub.run()
    hub.write("b.md")
    hub.run()
    return hub.folder.parent


@pytest.fixture(scope="module")
def killed(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and a third run loaded article c and died."""
    hub = Hub(shutil.copytree(published, tmp_path_factory.mktemp("killed") / "it"))
    hub.write("c.md")
    root = Path(__file__).parents[1]
    program = [sys.executable, "-c", DYING, str(hub.folder.parent)]
    subprocess.run(program, cwd=root, check=False)
    assert log(hub).exists()
    return hub.folder.parent


@pytest.fixture
def hub(published: Path, tmp_path: Path) -> Hub:
    return Hub(shutil.copytree(published, tmp_path / "it"))


@pytest.fixture
def killed_hub(killed: Path, tmp_path: Path) -> Hub:
    return Hub(shutil.copytree(killed, tmp_path / "it"))


def go_on(hub: Hub) -> str:
    """Run again and return what was said of the working file, if anything."""
    said: list[str] = []
    hub.run(say=said.append)
    return next((line for line in said if "working file" in line), "")


def flipped(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 4
    path.write_bytes(content)


def flipped_all_over(path: Path) -> None:
    """Flip bits in every block, since some are not in use."""
    content = bytearray(path.read_bytes())
    for at in range(20_000, len(content), 4_000):
        content[at] ^= 4
    path.write_bytes(content)


def flipped_indexes(path: Path) -> None:
    """Flip a bit in each block that no row lies in: of indexes, and of the catalog."""
    with duckdb.connect(str(path), read_only=True) as file:
        tables = file.execute("select table_name from duckdb_tables()").fetchall()
        read = {
            number
            for (name,) in tables
            for numbers in file.execute(
                "select list_append(coalesce(additional_block_ids, []), block_id)"
                " from pragma_storage_info(?)",
                [name],
            ).fetchall()
            for number in numbers[0]
        }
        told = file.execute("select block_id from pragma_metadata_info()").fetchall()
        ((blocks, size),) = file.execute(
            "select total_blocks, block_size from pragma_database_size()"
        ).fetchall()
    others = set(range(blocks)) - read - {number for (number,) in told}
    assert others
    content = bytearray(path.read_bytes())
    for number in others:
        content[12_288 + number * size + 50_000] ^= 4
    path.write_bytes(content)


def cut(path: Path, to: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * to)])


def foreign_duckdb(path: Path) -> None:
    path.unlink()
    with duckdb.connect(str(path)) as file:
        file.execute("create table recipes (name varchar)")


def sqlite_file(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as file:
        file.execute("create table recipes (name varchar)")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a bit flipped in its head": (lambda p: flipped(p, 0.0), "damaged"),
    "bits flipped in its blocks": (flipped_all_over, "damaged"),
    "bits flipped in its indexes": (flipped_indexes, "damaged"),
    "cut in half": (cut, "damaged"),
    "its last byte missing": (lambda p: cut(p, 0.999999), "damaged"),
    "empty": (lambda p: p.write_bytes(b""), "foreign"),
    "a text": (lambda p: p.write_text("hello"), "foreign"),
    "another database": (foreign_duckdb, "foreign"),
    "a SQLite file": (sqlite_file, "foreign"),
    "a folder": (folder, "foreign"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_working_file_is_kept_and_made_anew(hub: Hub, damage: str) -> None:
    before = dump(hub.data / "news.duckdb")
    harm, word = DAMAGE[damage]
    harm(working(hub))
    found = working(hub).read_bytes() if working(hub).is_file() else None

    line = go_on(hub)

    [kept] = (hub.data / "warehouse" / "set-aside").iterdir()
    assert kept.name == f"working-20260102T030405Z-{word}.duckdb"
    assert str(kept) in line
    assert "begun as run 2 published it" in line
    assert found is None or kept.read_bytes() == found
    assert dump(hub.data / "news.duckdb") == before
    assert hub.ask("select max(run_number), count(*) from runs") == [(3, 3)]


LOG_DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "deleted": (Path.unlink, "log-cut"),
    "cut": (lambda p: cut(p, 0.9), "log-cut"),
    "emptied": (lambda p: p.write_bytes(b""), "log-cut"),
    "a bit flipped": (flipped, "damaged"),
    "of another program": (lambda p: p.write_bytes(b"junk" * 100_000), "older"),
}


@pytest.mark.parametrize("damage", LOG_DAMAGE)
def test_a_log_that_is_not_what_it_was_never_makes_the_file_silently_older(
    killed_hub: Hub, damage: str
) -> None:
    """DuckDB itself opens all of these but one, at an earlier state."""
    hub = killed_hub
    harm, word = LOG_DAMAGE[damage]
    harm(log(hub))

    line = go_on(hub)

    kept = hub.data / "warehouse/set-aside" / f"working-20260102T030405Z-{word}.duckdb"
    assert str(kept) in line
    assert kept.exists()
    assert hub.ask("select max(run_number) from runs") == [(4,)]
    assert hub.ask("select title from articles order by title") == [
        ("a",), ("b",), ("c",),
    ]  # fmt: skip


def test_a_killed_run_s_file_and_log_are_trusted(killed_hub: Hub) -> None:
    hub = killed_hub

    assert find_damage(hub.data, working(hub), thorough=True) is None
    assert go_on(hub) == ""
    assert hub.ask("select status from runs where run_number = 3") == [("killed",)]


def test_an_older_copy_put_back_is_noticed(hub: Hub) -> None:
    shutil.copy(working(hub), hub.data / "copy")
    hub.run()
    shutil.copy(hub.data / "copy", working(hub))

    line = go_on(hub)

    assert "it ends with run 2, and run 3 began" in line
    assert hub.ask("select count(*), max(run_number) from runs") == [(4, 4)]


def test_a_copy_of_the_very_file_is_read_and_trusted(hub: Hub) -> None:
    shutil.copy(working(hub), hub.data / "copy")
    working(hub).unlink()
    (hub.data / "copy").rename(working(hub))

    assert go_on(hub) == ""
    assert not (hub.data / "warehouse" / "set-aside").exists()


def test_a_deleted_working_file_is_made_anew(hub: Hub) -> None:
    before = dump(hub.data / "news.duckdb")
    shutil.rmtree(hub.data / "warehouse")

    line = go_on(hub)

    assert line.startswith("the working file is gone. A new one was begun as run 2")
    assert dump(hub.data / "news.duckdb") == before


def test_the_newest_state_that_is_sound_is_taken(hub: Hub) -> None:
    before = dump(hub.data / "news.duckdb")
    flipped_all_over(hub.data / "news.duckdb")
    flipped_all_over(hub.data / "snapshots" / "000002.duckdb")
    working(hub).unlink()

    line = go_on(hub)

    assert "begun as run 1 published it" in line
    assert dump(hub.data / "news.duckdb") == before


def test_where_nothing_is_left_all_is_read_again(hub: Hub) -> None:
    before = dump(hub.data / "news.duckdb")
    (hub.data / "news.duckdb").unlink()
    shutil.rmtree(hub.data / "snapshots")
    working(hub).unlink()

    line = go_on(hub)

    assert "begun empty" in line
    assert dump(hub.data / "news.duckdb") == before
    assert hub.ask("select run_number from runs") == [(3,)]


def test_a_first_run_says_nothing_of_a_missing_file(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.write("a.md")

    assert go_on(hub) == ""


def test_a_file_that_another_program_holds_is_not_set_aside(hub: Hub) -> None:
    holder = (
        "import duckdb, sys\n"
        "file = duckdb.connect(sys.argv[1])\n"
        "file.execute('create table x (y int)')\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(working(hub))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()

        with pytest.raises(WarehouseError, match="lock"):
            hub.run()

    assert not (hub.data / "warehouse" / "set-aside").exists()


@pytest.mark.parametrize("harm", [flipped_all_over, flipped_indexes])
def test_a_disk_s_fault_that_changes_no_time_is_noticed_when_it_is_met(
    hub: Hub, harm: Callable[[Path], None]
) -> None:
    times = working(hub).stat()
    harm(working(hub))
    os.utime(working(hub), ns=(times.st_atime_ns, times.st_mtime_ns))

    line = go_on(hub)

    assert "does not match" in line or "does not fit its checksum" in line
    assert hub.ask("select count(*) from articles") == [(2,)]
