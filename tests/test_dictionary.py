"""The file explains itself, and the documents say what it says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import duckdb
import pytest

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tests.dictionary import dictionary, joins

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "data-dictionary.md"
QUESTIONS = re.findall(
    r"^## ([^\n]+)\n\n```sql\n(.+?)\n```$",
    (DOCS / "questions.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
# Columns that end in `_id` and lead to no table of ours, or to one of several.
LEAD_NOWHERE = {
    ("runs", "flow_run_id"),
    ("repairs", "subject_id"),
    ("rejections", "subject_id"),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of the demo."""
    with demo_settings(tmp_path_factory.mktemp("demo")) as settings:
        run_direct(refresh, Job(settings, say=lambda _: None))
        return settings.data / "news.duckdb"


@pytest.fixture(scope="module")
def file(published: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(published), read_only=True)


def test_the_data_dictionary_says_what_the_file_says(published: Path) -> None:
    """`make dictionary` writes it anew."""
    told = dictionary(published)
    if os.environ.get("ACCEPT_DICTIONARY"):
        PAGE.write_text(told, encoding="utf-8")

    assert told == PAGE.read_text(encoding="utf-8")


def test_every_table_view_macro_and_column_is_explained_in_the_file(
    file: duckdb.DuckDBPyConnection,
) -> None:
    silent = file.execute(
        """
        select table_name, column_name from duckdb_columns()
        where not internal and comment is null
        union all
        select table_name, '' from duckdb_tables() where comment is null
        union all
        select view_name, '' from duckdb_views() where not internal and comment is null
        union all
        select function_name, '' from duckdb_functions()
        where function_type like '%macro' and not internal and comment is null
        """
    ).fetchall()

    assert silent == []


def test_every_id_tells_where_it_leads_and_leads_there(
    file: duckdb.DuckDBPyConnection,
) -> None:
    ids = file.execute(
        """
        select table_name, column_name from duckdb_columns()
        where column_name like '%\\_id' escape '\\' and not internal
            and table_name in (select table_name from duckdb_tables())
        """
    ).fetchall()
    keys = file.execute(
        "select table_name, constraint_column_names[1] from duckdb_constraints()"
        " where constraint_type = 'PRIMARY KEY' and len(constraint_column_names) = 1"
    ).fetchall()
    found = joins(file)

    leading = {(table, column) for table, column, *_ in found}
    assert set(ids) - set(keys) - LEAD_NOWHERE <= leading
    for table, column, other, key in found:
        strays = (
            f'select count("{column}") from "{table}" as one'  # noqa: S608 - our names
            f' anti join "{other}" as other on one."{column}" = other."{key}"'
        )
        assert file.execute(strays).fetchall() == [(0,)], (table, column)


def test_there_are_twelve_questions() -> None:
    assert len(QUESTIONS) == 12


@pytest.mark.parametrize(("question", "statement"), QUESTIONS)
def test_every_question_has_an_answer_in_the_demo(
    file: duckdb.DuckDBPyConnection, question: str, statement: str
) -> None:
    assert question.endswith("?")
    assert file.execute(statement).fetchall()
