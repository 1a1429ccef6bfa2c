"""Decoding and repairs, held against the sets of others where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tasks.text import decode, repair
from tests.benchmarks.text import (
    badly_repaired,
    changed_gold,
    gold_paragraphs,
    undeclared,
    undetected,
    wrong_sniffings,
)

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
SETS = SHARED / "sets"
pytestmark = pytest.mark.skipif(
    not (SETS / "encoding").is_dir(), reason="needs the sets, see SHARED_SETS"
)


def test_encodings_are_sniffed_as_html5lib_says() -> None:
    # A label over bytes that are UTF-8, on purpose; one behind the first 1,024 bytes.
    assert wrong_sniffings(SETS) == [
        ("test-yahoo-jp.dat", "euc-jp"),
        ("tests1.dat", "iso-8859-2"),
    ]


def test_undeclared_files_are_read_right() -> None:
    files = len(list(undeclared(SETS)))

    assert files > 400
    assert len(undetected(SETS)) <= 0.03 * files


@pytest.mark.parametrize("name", ["in-the-wild", "language-names", "negative"])
def test_ftfy_s_cases_end_as_ftfy_means_them_to(name: str) -> None:
    assert badly_repaired(SETS, name) == []


def test_only_control_characters_that_ftfy_keeps_on_purpose_are_dropped() -> None:
    (wrong,) = badly_repaired(SETS, "synthetic")

    assert wrong.startswith("These control characters")


def test_good_text_is_untouched() -> None:
    assert len(list(gold_paragraphs(SETS))) > 4_000
    assert changed_gold(SETS) == []


def test_naughty_strings_lose_controls_and_zero_width_characters_alone() -> None:
    naughty = json.loads((SETS / "text/blns/blns.json").read_text("utf-8"))

    changed = {text: repair(text) for text in naughty if repair(text).rules}

    assert len(changed) == 10
    ways = {"control_characters", "zero_width"}
    others = [text for text, kept in changed.items() if not ways.issuperset(kept.rules)]
    # Characters of C1, as one has them who reads windows-1252 for Latin-1.
    assert all(set(text) & set(map(chr, range(0x80, 0xA0))) for text in others)
    for text in naughty:
        assert repair(repair(text).text).rules == ()


def test_utf_8_is_decoded_as_the_stress_tests_say() -> None:
    lines = (SETS / "text/utf8tests/utf8tests.txt").read_text("ascii").splitlines()
    cases = [line.split(":", 2) for line in lines if line and not line.startswith("#")]
    for number, kind, said in cases:
        written, *expected = said.split(":") if "invalid" in kind else [said]
        content = bytes.fromhex(written) if "hex" in kind else said.encode()
        text = bytes.fromhex(expected[1]) if len(expected) > 1 else content

        decoded = decode(b"<" + content + b">", "utf-8")

        assert decoded.text == f"<{text.decode('utf-8', 'replace')}>", number
        assert ("undecodable" in decoded.flags) == ("invalid" in kind), number
    assert len(cases) > 200
