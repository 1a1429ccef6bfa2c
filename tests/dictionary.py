"""The data dictionary: what a published file says of itself, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

HEAD = """\
# Data dictionary

What `news.duckdb` says of itself: made from the comments in the file by
`make dictionary`, not to be edited. A table's key is in bold. Ids are the same on every
machine. [Joins](#joins) tells how tables belong together, [questions.md](questions.md)
shows them at work.
"""
# How a comment names the column that a column leads to.
_LEADS_TO = re.compile(r"\((\w+)\.(\w+)\)")
_COLUMNS = """
    select table_name, column_name, data_type, is_nullable, comment
    from duckdb_columns() where not internal and database_name = current_database()
    order by table_name, column_index
    """
_TABLES = "select table_name, comment from duckdb_tables() order by table_name"
_VIEWS = "select view_name, comment from duckdb_views() where not internal order by 1"
_MACROS = """
    select function_name, parameters, comment from duckdb_functions()
    where function_type = 'table_macro' and not internal order by function_name
    """
_KEYS = """
    select table_name, constraint_column_names from duckdb_constraints()
    where constraint_type = 'PRIMARY KEY'
    """


def dictionary(database: Path) -> str:
    """Return the data dictionary of a published file."""
    with duckdb.connect(str(database), read_only=True) as file:
        parts = [HEAD, "## Tables", *_tables(file), "## Views", *_views(file)]
        parts += ["## Macros", *_macros(file), "## Joins", _joins(file)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def joins(file: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str]]:
    """Return table, column, and the table and column that it leads to."""
    names = {name for name, _ in _rows(file, _TABLES)}
    return [
        (table, column, *found.groups())
        for table, column, _, _, comment in _rows(file, _COLUMNS)
        if table in names and (found := _LEADS_TO.search(comment or ""))
    ]


def _tables(file: duckdb.DuckDBPyConnection) -> Iterator[str]:
    columns, keys = _rows(file, _COLUMNS), dict(_rows(file, _KEYS))
    for table, comment in _rows(file, _TABLES):
        yield f"### {table}\n\n{comment}"
        yield _laid_out(
            (f"**{name}**" if name in keys.get(table, ()) else name,
             kind.lower() + (" or NULL" if can_be_null else ""), said)
            for of, name, kind, can_be_null, said in columns
            if of == table
        )  # fmt: skip


def _views(file: duckdb.DuckDBPyConnection) -> Iterator[str]:
    columns = _rows(file, _COLUMNS)
    for view, comment in _rows(file, _VIEWS):
        yield f"### {view}\n\n{comment}"
        yield _laid_out(
            (name, kind.lower(), said)
            for of, name, kind, _, said in columns
            if of == view
        )


def _macros(file: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for macro, parameters, comment in _rows(file, _MACROS):
        yield f"### {macro}({', '.join(parameters)})\n\n{comment}"
        empty = ", ".join("''" for _ in parameters)
        answer = _rows(file, f"describe from {macro}({empty})")
        told = (f"`{name}` ({kind.lower()})" for name, kind, *_ in answer)
        yield f"Answers with {', '.join(told)}."


def _joins(file: duckdb.DuckDBPyConnection) -> str:
    lines = (
        f"- `{table}.{column} = {other}.{key}`"
        for table, column, other, key in joins(file)
    )
    return "\n".join(lines)


def _laid_out(columns: Iterator[tuple[str, str, str]]) -> str:
    lines = (f"| {name} | {kind} | {said} |" for name, kind, said in columns)
    return "\n".join(["| column | type | holds |", "|---|---|---|", *lines])


def _rows(file: duckdb.DuckDBPyConnection, question: str) -> list[tuple[Any, ...]]:
    return file.execute(question).fetchall()
