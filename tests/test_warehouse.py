"""No connection reaches beyond its file, whatever statement comes about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.warehouse import engine
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.published import open_copy, open_published
from tasks.warehouse.working import open_warehouse
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
    path = hub.data / "warehouse" / "working.duckdb"
    with open_warehouse(path, MOMENT) as warehouse:
        yield warehouse._execute


@contextmanager
def published(hub: Hub) -> Iterator[Ask]:
    with open_published(hub.data / "news.duckdb") as found:
        yield found.query


@contextmanager
def copy(hub: Hub) -> Iterator[Ask]:
    with open_copy(hub.data / "news.duckdb", exports=hub.data / "parquet") as found:
        yield found.query


@pytest.mark.parametrize("connection", [working, published, copy])
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


def test_a_copy_s_tables_are_written_to_the_folder_of_exports_alone(hub: Hub) -> None:
    elsewhere = hub.data / "elsewhere.parquet"
    path, parquet = hub.data / "news.duckdb", hub.data / "parquet"

    with open_copy(path, exports=parquet) as found:
        found.export_range("articles", 0, parquet / "more.parquet")
        with pytest.raises(WarehouseError, match="Permission Error"):
            found.export_range("articles", 0, elsewhere)

    assert (parquet / "more.parquet").is_file()
    assert not elsewhere.exists()


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
