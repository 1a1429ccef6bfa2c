"""Whatever a file is: it ends in one named outcome, soon, and the run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from tasks.articles import MAX_USUAL_BYTES, UNEXPECTED, parse_usual
from tasks.models import Article, Rejection, SourceFile, Taxonomy
from tasks.reading import Unusual, parse_unusual
from tasks.settings import ReadSettings
from tests.hostile import contents, make_hub
from tests.hub import Hub

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
SOURCE = UUID("00000000-0000-5000-8000-000000000001")
LIMITS = ReadSettings(workers=1, seconds=60)  # whatever else the machine does


def source(content: bytes, path: str = "_news/a.md") -> SourceFile:
    return SourceFile(SOURCE, path, "", content)


def article(fields: str) -> SourceFile:
    return source(f"---\nwebUrl: https://n.example/a\n{fields}\n---\n".encode())


# All of it at once, as a user has it


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str], Any]:
    """Run the command on a hub of everything; give its folder, paths and summary.

    With half the default's time for a file, so that the test takes half as long.
    """
    folder = tmp_path_factory.mktemp("hostile")
    paths = make_hub(folder / "hub", SHARED)
    done = subprocess.run(
        [Path(sys.executable).with_name("wirehouse"), "run", "--source", "hub",
         "--no-fetch", "--no-images", "--direct", "--json"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=600,
        env={**os.environ, "WIREHOUSE_READ__SECONDS": "2"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, paths, json.loads(done.stdout)


def ask(folder: Path, statement: str) -> list[Any]:
    with duckdb.connect(str(folder / "data/news.duckdb"), read_only=True) as published:
        return [row[0] for row in published.execute(statement).fetchall()]


def test_every_path_has_one_outcome(ran: tuple[Path, set[str], Any]) -> None:
    folder, paths, summary = ran
    loaded = ask(folder, "select path from documents")
    rejected = ask(
        folder,
        "select distinct subject from rejections"
        " where subject not in (select path from documents)",
    )

    assert set(loaded) | set(rejected) == paths
    assert not set(loaded) & set(rejected)
    assert (summary["loaded"], summary["rejected"]) == (len(loaded), len(rejected))
    assert summary["files"] == len(paths)


def test_no_outcome_is_a_fault_of_ours(ran: tuple[Path, set[str], Any]) -> None:
    folder, _, _ = ran
    reasons = ask(folder, "select reason from rejections")

    assert UNEXPECTED not in reasons
    assert not [reason for reason in reasons if "died" in reason or "raised" in reason]
    assert not [reason for reason in reasons if len(reason) > 500 or "\n" in reason]


def test_what_is_unusual_is_read_apart(ran: tuple[Path, set[str], Any]) -> None:
    _, _, summary = ran

    assert summary["in_sandbox"] > 50


# One by one


def test_what_is_read_here_ends_soon() -> None:
    """In CPU time, with the same limit as below: what once hung took minutes."""
    for name, content in contents(SHARED):
        start = time.process_time()
        parse_usual(source(content), "article")
        spent = time.process_time() - start

        assert spent < 5, (name, spent)


def test_what_is_small_and_unusual_ends_soon() -> None:
    unusual: list[Unusual] = [
        ("article", source(content, name))
        for name, content in contents(SHARED)
        if len(content) <= MAX_USUAL_BYTES
        and parse_usual(source(content), "article") is None
    ]

    start = time.perf_counter()
    for (_, file), found in zip(unusual, parse_unusual(unusual, LIMITS), strict=True):
        spent, start = time.perf_counter() - start, time.perf_counter()
        assert spent < 5, (file.path, spent)
        assert isinstance(found, Article | Rejection)


@pytest.mark.parametrize(
    "fields",
    [
        "a: &x 1",
        "a: [1, &x 1]",
        "a: {b:*x}",
        "a: {?*x}",
        "a: *x",
        "a: !!str 1",
        "a: !x 1",
        "<<: {a: 1}",
        "a: " + "[" * 101,
        "a: " + "1" * 1_000,
        " " * 100 + "a: 1",
        "a: [" + "x," * 130_000 + "]",
        "# " + "x" * MAX_USUAL_BYTES,
    ],
)  # fmt: skip
def test_what_hubs_do_not_write_is_unusual(fields: str) -> None:
    assert parse_usual(article(fields), "article") is None
    assert parse_usual(source(fields.encode(), "a.yaml"), "taxonomy") is None


@pytest.mark.parametrize(
    "fields",
    [
        "a: [1, 2]",
        "a: {b: 1, c: R&D now!}",
        "a: >\n  R & D\n  - a list\n  what! a day",
        "a: |\n  text",
        "a: x # note",
        "'a b': 1",
        "a: '[[[[['",
    ],
)
def test_what_people_write_is_read_here(fields: str) -> None:
    assert isinstance(parse_usual(article(fields), "article"), Article)


def test_a_taxonomy_file_may_be_unusual_too(hub: Hub) -> None:
    hub.write("a.md")
    hub.write_text("_data/topics/a.yaml", "taxonomy: topic\nname: &n Sea\nparent: *n\n")
    hub.write_text("_data/topics/b.yaml", "taxonomy: topic\nname: &n [Sea]\n")

    summary = hub.run()

    assert (summary["in_sandbox"], summary["loaded"]) == (2, 1)
    assert hub.ask("select name from topics") == [("Sea",)]
    assert hub.ask("select stage, subject from rejections") == [
        ("taxonomy", "_data/topics/b.yaml")
    ]


def test_an_unusual_article_is_what_it_would_be_here() -> None:
    from tasks.articles import parse_article, parse_taxonomy

    unusual = article("title: &a A\nexcerpt: *a\nrelated:\n- webUrl: x")
    topic = source(b"name: &a Sea", "_data/topics/a.yaml")

    found = list(parse_unusual([("article", unusual), ("taxonomy", topic)], LIMITS))

    assert found == [parse_article(unusual), parse_taxonomy(topic)]
    assert [type(each) for each in found] == [Article, Taxonomy]


@pytest.mark.parametrize(
    ("limits", "fields", "reason", "detail"),
    [
        (
            {"seconds": 1},
            "title: " + "ÃƒÂ" * 1_000_000,
            "took longer than 1 s to read",
            "raise read.seconds and run with --full",
        ),
        (
            {"memory_bytes": 130_000_000},
            "title: " + "x" * 40_000_000,
            "needed more than 130 MB to read",
            "raise read.memory_bytes and run with --full",
        ),
        (
            {"memory_bytes": 250_000_000},
            "a: &a ['" + "x" * 4_000_000 + "']\nb: [" + "*a, " * 90 + "*a]",
            "needed more than 250 MB to read",
            "raise read.memory_bytes and run with --full",
        ),
    ],
    ids=["seconds", "memory", "memory while reading"],
)
def test_a_file_that_exceeds_a_limit_is_rejected_with_what_to_do(
    limits: dict[str, Any], fields: str, reason: str, detail: str
) -> None:
    tight = replace(LIMITS, **limits)

    found, after = parse_unusual(
        [("article", article(fields)), ("taxonomy", source(b"name: Sea", "a.yaml"))],
        tight,
    )

    assert isinstance(found, Rejection)
    assert (found.stage, found.subject, found.source_id) == (
        "parse",
        "_news/a.md",
        SOURCE,
    )
    assert found.reason == reason
    assert detail in found.detail
    assert isinstance(after, Taxonomy)
