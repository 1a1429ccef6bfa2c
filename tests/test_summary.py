"""A run's numbers in words: what came in, and what became of all of it."""

from __future__ import annotations

import pytest

from tasks.summary import (
    PARTS,
    SLOW_WAYS,
    advice,
    broken_markdown,
    lineage,
    markdown_table,
    outcome_words,
    summary_markdown,
    summary_rows,
)

SUMMARY = {
    "status": "complete",
    "seconds": 12.5,
    "files": 1_290,
    "loaded": 12,
    "unchanged": 1_275,
    "rejected": 3,
    "by_pyyaml": 0,
    "in_sandbox": 0,
    "versions": 20,
    "versions_rejected": 2,
    "urls_due": 9,
    "captured": 6,
    "failed": 2,
    "deferred": 1,
    "images_due": 5,
    "images_cached": 4,
    "images_failed": 1,
    "images_deferred": 0,
    "verified": 0,
    "damaged": 0,
}
MORE = {"pages": 6, "unread": [], "audits": {}}
CLEAN: dict[str, object] = {**dict.fromkeys(SUMMARY, 0), **MORE, "pages": 0}
TOLD = {**SUMMARY, **MORE}
CHANGE = {"change": "changed", "title": "Bees | rest", "columns": ["title", "heat"]}
RUN = {
    "run_number": 7,
    "started_at": None,
    "status": "complete",
    "loaded": "12",
    "seconds": "9.5",
}
FAILURE = {"stage": "fetch", "outcome": "http_error", "count": 2, "example": "a | <b>"}


def test_each_part_of_a_run_is_one_row() -> None:
    assert summary_rows(SUMMARY) == [
        ("article files", "1,290", "12 loaded, 1,275 unchanged, 3 rejected"),
        ("versions", "20", "2 without readable article"),
        ("pages due", "9", "6 captured, 2 failed, 1 deferred"),
        ("images due", "5", "4 cached, 1 failed or rejected, 0 deferred"),
    ]


@pytest.mark.parametrize(
    ("by_pyyaml", "in_sandbox", "row"),
    [
        (1_200, 0, ("read the slow way", "1,200", "1,200 by PyYAML")),
        (0, 2, ("read the slow way", "2", "2 in child processes, being unusual")),
        (
            3,
            2,
            (
                "read the slow way",
                "5",
                "3 by PyYAML, 2 in child processes, being unusual",
            ),
        ),
    ],
)
def test_what_was_read_the_slow_way_is_told_if_there_is_any(
    by_pyyaml: int, in_sandbox: int, row: tuple[str, str, str]
) -> None:
    summary = {**SUMMARY, "by_pyyaml": by_pyyaml, "in_sandbox": in_sandbox}

    assert summary_rows(summary)[1] == row


def test_a_run_without_versions_has_no_row_of_them() -> None:
    assert "versions" not in {
        row[0] for row in summary_rows({**SUMMARY, "versions": 0})
    }


def test_every_count_of_the_json_summary_is_told() -> None:
    told = {key for _, total, fates in PARTS for key in (total, *(k for _, k in fates))}
    told |= {key for _, key in SLOW_WAYS}

    assert told == set(SUMMARY) - {"status", "seconds"}


def test_a_run_without_failures_says_nothing_of_them() -> None:
    text = summary_markdown("refresh", TOLD, [], [], [])

    assert text.startswith("# Refresh complete in 12.5 s\n\n| what came in | count |")
    assert "stands in the way" not in text
    assert "Nothing that an article says." in text


def test_failures_are_told_with_an_example_each() -> None:
    text = summary_markdown("refresh", TOLD, [], [], [FAILURE])

    assert "## What stands in the way" in text
    assert "| fetch | http_error | 2 | a \\| &lt;b> |" in text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (0, "0"),
        ("a|b", r"a\|b"),
        ("one\ntwo\r\n three", "one two three"),
        ("<script>", "&lt;script>"),
        ("", ""),
    ],
)
def test_a_cell_cannot_break_its_table(value: object, cell: str) -> None:
    table = markdown_table(("a", "b"), [(value, 1)])

    assert table.splitlines() == ["| a | b |", "| --- | --- |", f"| {cell} | 1 |"]


def test_a_table_without_rows_is_its_header() -> None:
    assert markdown_table(("a",), []) == "| a |\n| --- |"


def test_what_changed_is_told_with_the_columns_and_how_many_more_there_are() -> None:
    text = summary_markdown("refresh", TOLD, [RUN], [CHANGE] * 22, [])

    assert text.count("| changed | Bees \\| rest | title, heat |") == 20
    assert "… and 2 more." in text
    assert (
        "| run | status | loaded | seconds before publishing |\n"
        "| --- | --- | --- | --- |\n| 7 | complete | 12 | 9.5 |"
    ) in text


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"unread": ["hub: is not there"]}, "mend or remove the source: hub: is not"),
        (
            {"audits": {"documents_twice": 2}},
            "the 2 rows that break the rule",
        ),
        ({"rejected": 1_200}, "1,200 rejected files: table `rejections` names file"),
        ({"deferred": 3}, "3 deferred pages: the next run asks for them"),
        ({"damaged": 1}, "1 damaged or missing files"),
    ],
)
def test_whoever_reads_is_told_what_to_do(
    changed: dict[str, object], line: str
) -> None:
    (told,) = advice({**CLEAN, **changed})

    assert line in told


def test_there_may_be_nothing_to_do() -> None:
    assert [line.partition(";")[0] for line in advice(CLEAN)] == ["nothing"]


def test_a_drawing_shows_where_what_was_loaded_came_from() -> None:
    drawn = lineage(TOLD).splitlines()

    assert drawn[:2] == ["```mermaid", "flowchart LR"]
    assert '  files["1,290 article files"] --> loaded["12 loaded"]' in drawn
    assert '  images_cached --> warehouse["news.duckdb"]' in drawn
    assert drawn[-1] == "```"


@pytest.mark.parametrize(
    ("verified", "changes", "words"),
    [
        (0, None, "12 new, 6 pages"),
        (0, [], "6 pages"),
        (0, [CHANGE, {"change": "new"}, CHANGE], "1 new, 2 changed, 6 pages"),
        (1_200, [], "1,200 verified, 0 damaged"),
    ],
)
def test_a_run_is_named_by_what_came_of_it(
    verified: int, changes: list[dict[str, object]] | None, words: str
) -> None:
    assert outcome_words({**TOLD, "verified": verified}, changes) == words


def test_a_run_that_found_nothing_new_is_named_so() -> None:
    assert outcome_words(CLEAN, []) == "nothing new"


def test_a_broken_run_says_why_and_that_nothing_was_lost() -> None:
    text = broken_markdown("refresh", "no space\nis left <b>")

    assert text.startswith("# Refresh broken\n\nno space is left &lt;b>\n")
    assert "What was published stays as it was." in text
