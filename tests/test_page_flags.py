"""Each flag that the README explains is one that pages have, and the reverse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.models import Page
from tasks.pages import read_page
from tasks.text import repair
from tests.test_hostile_pages import SENTENCES, written

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("| flag | what it says")[2].partition("\n\n")[0]
EXPLAINED = [
    flag
    for row in re.findall(r"^\| (`.*?) \|", TABLE, re.MULTILINE)
    for flag in re.findall(r"`(\w+)`", row)
]
STORY = "<p>The light that was built of stone shines on ships of the town again.</p>"
PAGES = {
    "short": "<p>Few words.</p>",
    "partial": "".join(f"<div><b>{said}</b></div>" for said in SENTENCES * 4)
    + written("paragraphs", {}),
    "unclosed": f"{STORY * 9}<!--{STORY * 3}<p>{'And so on. ' * 9}</p>",
    "truncated": f"{STORY * 9}{'<b>a</b>' * 40_000}",
    "deep": f"{'<div>' * 300}{STORY * 9}",
    "scrubbed": f"{STORY * 9}&#1;",
    "undecodable": f"<meta charset=utf-8>{STORY * 9}\udcff",
    "label_overridden": f"<meta charset=latin1>{STORY * 9}<p>Ελλάδα</p>",
    "unknown_label": f"<meta charset=nonsense>{STORY * 9}",
    "repaired": f"{STORY * 9}<p>It wasnâ€™t so long ago that they had said so.</p>",
    "paywall": f"{STORY * 5}<p>Subscribe to continue reading this story of ours.</p>",
    "consent": f"<h1>Before you continue</h1>{STORY * 5}",
    "soft_404": f"<title>Page not found</title>{STORY * 5}",
}
# What is mended, under the name of its rule.
MENDED = {
    "mojibake": "wasnâ€™t",
    "entities": "Q&amp;A",
    "control_characters": "a\x01b",
    "zero_width": "a\u200bb",
    "combining_marks": "a" + "\u0301" * 50,
    "nfc": "e\u0301",
}


@pytest.mark.parametrize("flag", PAGES)
def test_a_flag_is_told_of_such_a_page_alone(flag: str) -> None:
    content = f"<html><body>{PAGES[flag]}</body></html>"

    page = read_page(content.encode("utf-8", "surrogateescape"), "http://a.example/b")

    assert isinstance(page, Page)
    assert flag in page.flags
    plain = read_page(STORY.encode() * 9, "http://a.example/b")
    assert isinstance(plain, Page)
    assert plain.flags == ()


def test_the_readme_explains_every_flag() -> None:
    said = "".join(
        (ROOT / "tasks" / f"{room}.py").read_text(encoding="utf-8")
        for room in ("pages", "markup", "text")
    )
    told = re.findall(
        r"""(?:flags|found)\.append\("(\w+)"\)|yield "(\w+)"$""", said, re.MULTILINE
    )

    assert {flag for pair in told for flag in pair} - {""} == set(EXPLAINED)
    assert set(EXPLAINED) == set(PAGES)


@pytest.mark.parametrize("rule", MENDED)
def test_a_rule_of_repair_is_named_as_the_readme_has_it(rule: str) -> None:
    assert repair(MENDED[rule], entities=True).rules[0] == rule
    assert f"`{rule}`" in README.partition("`repairs.rule` is one of")[2][:600]
