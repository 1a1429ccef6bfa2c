"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import duckdb
import pytest

from flows.cli import app
from tasks.models import (
    Fate,
    FileKind,
    ImageStatus,
    Outcome,
    Severity,
    SourceKind,
    Via,
)
from tasks.text import Source
from tests.hub import Hub, related

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^\| `(\w+)` \| .* \| `(.+)` \|$", README, re.MULTILINE)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The published file of a small hub."""
    hub = Hub(tmp_path_factory.mktemp("docs"))
    hub.write("a.md", topics=["Sea"], related=related("b"))
    hub.run()
    return duckdb.connect(str(hub.data / "news.duckdb"), read_only=True)


def test_every_table_has_its_question(published: duckdb.DuckDBPyConnection) -> None:
    tables = {row[0] for row in published.execute("show tables").fetchall()}
    views = set(
        re.findall(
            r"`(\w+)`", README.partition("Views for analysis")[2].partition("Macros")[0]
        )
    )

    assert {name for name, _ in QUESTIONS} | views | {"schema_version"} == tables


@pytest.mark.parametrize(
    ("table", "question"), QUESTIONS, ids=[q[0] for q in QUESTIONS]
)
def test_every_question_of_the_readme_has_an_answer(
    published: duckdb.DuckDBPyConnection, table: str, question: str
) -> None:
    assert table in question
    published.execute(question).fetchall()


def test_every_table_view_and_column_is_explained_in_the_file(
    published: duckdb.DuckDBPyConnection,
) -> None:
    silent = published.execute(
        """
        select table_name, column_name from duckdb_columns()
        where not internal and comment is null
            and table_name in (select table_name from duckdb_tables())
        union all
        select table_name, '' from duckdb_tables() where comment is null
        union all
        select view_name, '' from duckdb_views() where not internal and comment is null
        """
    ).fetchall()

    assert silent == []


def test_comments_name_every_word_that_a_column_of_few_words_has(
    published: duckdb.DuckDBPyConnection,
) -> None:
    flags = README.partition("| flag |")[2].partition("\n\n")[0]
    rules = README.partition("`repairs.rule` is one of ")[2].partition("\n\n")[0]
    words = {
        ("pages", "flags"): re.findall(
            r"`(\w+)`(?=[^|]*\|[^|]*\|$)", flags, re.MULTILINE
        ),
        ("captures", "outcome"): get_args(Outcome),
        ("repairs", "rule"): re.findall(r"`([a-z_]+)`", rules),
        ("captures", "via"): get_args(Via),
        ("files", "kind"): get_args(FileKind),
        ("files", "fate"): get_args(Fate),
        ("images", "status"): get_args(ImageStatus),
        ("audits", "severity"): get_args(Severity),
        ("sources", "kind"): get_args(SourceKind),
        ("pages", "encoding_source"): get_args(Source),
    }
    said = {
        (table, column): set(re.findall(r"[\w-]+", comment))
        for table, column, comment in published.execute(
            "select table_name, column_name, comment from duckdb_columns()"
            " where not internal and comment is not null"
        ).fetchall()
    }

    assert all(words.values())
    assert {key: set(named) - said[key] for key, named in words.items()} == {
        key: set() for key in words
    }


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documents = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert set(re.findall(r"\bmake (\w+)  ", documents)) <= targets


def test_every_command_that_is_named_exists() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert set(re.findall(r"`wirehouse (\w+)", README + changes)) <= set(app.commands)


def test_everything_named_in_the_data_directory_is_made_by_a_run(hub: Hub) -> None:
    hub.write("a.md")
    hub.run()

    for name in ("news.duckdb", "parquet", "report.html", "warehouse", "snapshots"):
        assert f"`{name}" in README
        assert (hub.data / name).exists()
