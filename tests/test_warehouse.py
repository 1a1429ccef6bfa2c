"""No connection reaches beyond its file, whatever statement comes about."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.run import working_file
from tasks.warehouse import engine
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.published import open_published
from tasks.warehouse.working import open_warehouse
from tasks.witness import Witness
from tests.hub import MOMENT, Hub

Ask = Callable[[str], Any]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub of one article that was published, and a file beside it."""
    hub = Hub(tmp_path_factory.mktemp("warehouse"))
    hub.write("a.md")
    hub.run()
    (hub.folder / "secret").write_text("kept")
    return hub


@contextmanager
def working(hub: Hub) -> Iterator[Ask]:
    with open_warehouse(working_file(hub.data), MOMENT) as warehouse:
        yield warehouse._execute


@contextmanager
def published(hub: Hub) -> Iterator[Ask]:
    with open_published(hub.data / "news.duckdb") as found:
        yield found.query


@contextmanager
def exported(hub: Hub) -> Iterator[Ask]:
    exports = hub.data / "parquet"
    with (
        open_warehouse(working_file(hub.data), MOMENT, exports=exports) as warehouse,
        warehouse.exported() as found,
    ):
        yield found.query


@pytest.mark.parametrize("connection", [working, published, exported])
@pytest.mark.parametrize(
    "statement",
    [
        "from read_text('{secret}')",
        "copy (select 1) to '{secret}'",
        "attach '{secret}' as other",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set lock_configuration = false",
        "reset lock_configuration",
        "set threads = 8",
    ],
)
def test_a_statement_reaches_no_other_file_and_changes_no_setting(
    hub: Hub, connection: Any, statement: str
) -> None:
    secret = hub.folder / "secret"

    with connection(hub) as ask, pytest.raises(WarehouseError):
        ask(statement.format(secret=secret))

    assert secret.read_text() == "kept"


def test_tables_are_written_to_the_folder_of_exports_alone(hub: Hub) -> None:
    elsewhere = hub.data / "elsewhere.parquet"
    path, parquet = working_file(hub.data), hub.data / "parquet"

    with (
        open_warehouse(path, MOMENT, exports=parquet) as warehouse,
        warehouse.exported() as found,
    ):
        found.ranges.export("articles", 0, parquet / "more.parquet")
        with pytest.raises(WarehouseError, match="Permission Error"):
            found.ranges.export("articles", 0, elsewhere)

    assert (parquet / "more.parquet").is_file()
    assert not elsewhere.exists()


def test_a_disk_that_is_full_while_a_table_is_written_is_said(hub: Hub) -> None:
    full = Path("/dev/full")

    with (
        open_warehouse(working_file(hub.data), MOMENT, exports=full.parent) as opened,
        opened.exported() as found,
        pytest.raises(WarehouseError, match="no room left on the disk: make some"),
    ):
        found.ranges.export("articles", 0, full)


def test_a_file_that_grew_large_has_its_rows_in_larger_groups_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(tmp_path)
    many = [{"title": "x", "webUrl": f"https://far.example/{n}"} for n in range(3_000)]
    hub.write("a.md")
    hub.write("b.md", related=many)
    monkeypatch.setattr(engine, "LARGE_BYTES", 1_000)
    monkeypatch.setattr("tasks.stages.sources.BATCH_FILES", 1)

    hub.run()
    hub.write("b.md", related=many[1:])
    hub.run()

    groups = "select max(count) from pragma_storage_info('related_edges')"
    ((largest,),) = hub.ask(groups)
    assert largest == 3_000 > engine.ROW_GROUP_ROWS
    standing = (
        "select count(*), count(*) filter (removed_at is null) from related_edges"
    )
    assert hub.ask(standing) == [(3_000, 2_999)]


TEXTS = (
    "select distinct compression from pragma_storage_info('documents')"
    " where column_name = 'front_matter'"
)


def test_long_texts_are_kept_packed_also_in_a_file_of_an_earlier_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(tmp_path)
    for number in range(300):
        related = [
            {"title": f"An article {number} {n}", "webUrl": f"https://far.example/{n}"}
            for n in range(100)
        ]
        hub.write(f"{number}.md", related=related)
    with monkeypatch.context() as earlier:
        earlier.setattr(engine, "WRITTEN", "row_group_size {}")
        hub.run()
    assert ("ZSTD",) not in hub.ask(TEXTS)
    large = (hub.data / "news.duckdb").stat().st_size

    for number in range(300):
        hub.write(f"{number}.md", heat=7, related=related)
    hub.run()

    assert ("ZSTD",) in hub.ask(TEXTS)
    shutil.rmtree(hub.data)
    hub.run()
    assert (hub.data / "news.duckdb").stat().st_size < 0.75 * large


def test_work_that_little_memory_is_too_little_for_has_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the working file is trusted as ever: no lack of memory is its fault."""
    path = tmp_path / "working.duckdb"
    monkeypatch.setattr(engine, "LITTLE", "10MB")
    statement = "select len(list(i)) from range(3_000_000) as numbers(i)"

    with open_warehouse(path, MOMENT) as warehouse:
        execute, memory = warehouse._execute, warehouse.memory
        with memory.frugal(), pytest.raises(WarehouseError, match="Out of Memory"):
            execute(statement)
        answer = memory.frugally(lambda: execute(statement).fetchall())

    assert answer == [(3_000_000,)]
    assert Witness(path).find() == "untouched"


def test_a_writer_has_the_memory_that_its_file_needs_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = "select current_setting('memory_limit')"
    path = tmp_path / "file.duckdb"
    monkeypatch.setattr(engine, "LEAST_LIMIT_BYTES", 50 * 2**20)

    with contextlib.closing(engine.connect(path)) as connection:
        least = connection.execute(limit).fetchall()
    with path.open("ab") as file:
        file.truncate(200 * 2**20)
    with contextlib.closing(engine.connect(path)) as connection:
        grown = connection.execute(limit).fetchall()

    assert (least, grown) == ([("50.0 MiB",)], [("100.0 MiB",)])
