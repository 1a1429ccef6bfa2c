"""The figures of the extraction benchmark mean what their names say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.extraction import (
    Case,
    barriers,
    is_unsigned,
    read_set,
    run_all,
)
from tests.benchmarks.scores import (
    same_authors,
    same_day,
    same_image,
    same_title,
    text_overlap,
)


@pytest.mark.parametrize(
    ("gold", "found", "precision", "recall"),
    [
        ("a b c d e", "a b c d e", 1, 1),
        ("a b c d e", "a, b! c -- d\ne", 1, 1),
        ("a b c d e", "a b c d", 1, 1 / 2),
        ("a b c d", "a b c d e f", 1 / 3, 1),
        ("a b c d", "", 0, 0),
        ("", "", 1, 1),
        ("a b c d a b c d", "a b c d", 1, 1 / 5),
    ],
)
def test_texts_are_compared_by_four_tokens_at_a_time(
    gold: str, found: str, precision: float, recall: float
) -> None:
    overlap = text_overlap([(gold, found)])

    assert (overlap.precision, overlap.recall) == (precision, recall)


def test_a_long_page_counts_as_much_as_a_short_one() -> None:
    long = " ".join(map(str, range(1_000)))

    overlap = text_overlap([(long, long), ("a b c d", "")])

    assert (overlap.precision, overlap.recall, overlap.f1) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("gold", "found", "is_same"),
    [
        ("ANN LEE, Bo Ek and Cy Day", ["Cy Day", "Ann Lee", "Bo Ek"], True),
        ("By Ann\xa0Lee", ["ann lee"], True),
        ("Ann Lee", ["Ann Lee", "Bo Ek"], False),
        ("Ann Lee", [], False),
        ("Andy Sand", ["Andy Sand"], True),
    ],
)
def test_authors_are_compared_as_sets(
    gold: str, found: Sequence[str], *, is_same: bool
) -> None:
    assert same_authors(gold, found) == is_same


@pytest.mark.parametrize(
    ("found", "is_same"),
    [
        ("2019-03-08", True),
        ("2019-03-08 00:00:00+09:00", True),
        ("2019-03-07", True),
        ("2019-03-09", False),
        ("", False),
        (None, False),
    ],
)
def test_days_are_compared_whatever_the_zone(
    found: str | None, *, is_same: bool
) -> None:
    assert same_day("2019-03-07T15:00:00.000Z", found) == is_same


def test_titles_and_images_are_compared_exactly() -> None:
    assert same_title("A  title", "A title")
    assert not same_title("A title", "A title | The Site")
    assert same_image("http://n.example/a.jpg?w=1", "https://n.example/a.jpg?w=1")
    assert not same_image("http://n.example/a.jpg?w=1", "http://n.example/a.jpg")
    assert not same_image("http://n.example/a.jpg", None)


def test_an_extractor_that_is_missing_is_named_and_the_others_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"<title>T</title><p>{'Some words of news. ' * 20}</p>")
    cases = [Case(str(page), "https://n.example/a", {"title": "T"})]

    found = run_all(cases, str(tmp_path / "no-python"), rounds=1)

    assert found["wirehouse"].pages[0]["title"] == "T"
    assert set(found) == {"wirehouse"}
    assert "newspaper4k: missing" in capsys.readouterr().out


def test_pages_without_a_gold_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"file": "html/a.html", "url": "https://n.example/a", "gold": {}},
        {"file": "html/b.html", "url": "https://n.example/b", "gold": {"title": "B"}},
    ]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))

    assert [case.url for case in read_set(tmp_path)] == ["https://n.example/b"]


def test_pages_that_somebody_signs_are_told_from_those_that_nobody_does() -> None:
    silent = ("buzzap.jp.html", "github.com.html", "unknown.html")

    cases = [Case(f"/sets/html/{file}", "https://n.example/", {}) for file in silent]

    assert [is_unsigned(case) for case in cases] == [False, True, False]


def test_articles_that_are_taken_for_something_else_are_counted() -> None:
    pages: list[dict[str, Any]] = [
        {"flags": ["short", "paywall"]},
        {"flags": ()},
        {"flags": ["paywall"]},
    ]

    assert barriers(pages) == "0 consent, 2 paywall, 0 soft_404"
