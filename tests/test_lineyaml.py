"""The fast reader says what PyYAML says, or nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.frontmatter import FrontMatterError, split_front_matter
from tasks.guardedyaml import read_yaml
from tasks.lineyaml import Block, read_lines, to_json

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
SAMPLE = Path(__file__).parents[1] / "data" / "sample"

ARTICLE = """\
category: news
title: "A \\"quoted\\" title: with a colon # and no comment"
publishedDateTime: 2020-06-11T23:41:00Z
quality: 50
heat: -1
published: false

provider:
  name: Harbour Cam
  domain: tidetube.example

topics:
  - AI
  - 'it''s'
  - 01Net

images:
  - url: "https://images.example/2020%252F06.jpg?signature=a_b="
    width: 1200
    isCached: true
related:
  - title: "One"
    provider:
      name: X
    images:
      - url: "https://images.example/1.jpg"
      - url: "https://images.example/2.jpg"
  - title: "Two"
"""

scalars = st.sampled_from(
    """
    a A.b it's x:y x#y 1 -1 0 007 1.5 -0.5 1e3 0x1f 0b1 1_000 1:30 1:30:00 01Net 9to5
    true True yes No on off null ~ y n .5 .inf -.inf .nan 2020-01-01 2020-02-30
    2020-01-01T00:00:00Z 2020-01-01T24:00:00Z 2020-01-01T00:00:00+02:00 0000-01-01
    2020-01-01T00:00:00-00:00 2020-01-01T00:00:00+05:75 2020-01-01T00:00:00.5Z
    "q" "q\\n" "\\u2028" "\\ud800" "\\x41" "a"b "a 'q' 'it''s' 'a'b ' [] {} [a,b] {a:b}
    | > & * ! % @ ` - ? : # , = << *a &a !!str --- ... /path /a:b é 日本 १२ <b>
    """.split()
) | st.text(alphabet="ab1:#'\"\\- .é\u2028\x85\ufeff\t[]{},&*!", max_size=8)
keys = st.sampled_from(
    "title url webUrl on yes Null y x_1 1 a-b é a 'q' << = ? -".split()
) | st.just("k" * 1100)


@st.composite
def maps(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """Lines of a map as hubs write them, or nearly so."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        key = draw(keys)
        kind = draw(st.sampled_from(["scalar"] * 4 + ["map", "list", "entries"]))
        if kind == "scalar" or depth > 2:
            space = draw(st.sampled_from([" "] * 6 + ["", "  "]))
            end = draw(st.sampled_from([""] * 6 + [" ", " # note"]))
            lines.append(f"{key}:{space}{draw(scalars)}{end}")
            continue
        lines.append(f"{key}:")
        margin = " " * draw(st.sampled_from([2, 2, 2, 4, 1, 0]))
        for entry in [draw(maps(depth + 1)) for _ in range(draw(st.integers(1, 2)))]:
            if kind == "map":
                lines += [margin + line for line in entry]
                break
            if kind == "list":
                lines.append(f"{margin}- {draw(scalars)}")
            else:
                lines.append(f"{margin}- {entry[0]}")
                lines += [f"{margin}  {line}" for line in entry[1:]]
        if draw(st.booleans()):
            lines.append("")
    return lines


def judged(text: str) -> Any:
    """Return what PyYAML says, as plain values, or the error that it is."""
    try:
        return read_yaml(text)
    except FrontMatterError as error:
        return error


def agrees(text: str) -> bool:
    """Hold both readers against each other; tell whether the fast one answered."""
    fields = read_lines(text)
    if fields is None:
        return False
    expected = judged(text)
    assert fields == expected, text
    assert to_json(fields) == json.dumps(
        expected, ensure_ascii=False, separators=(",", ":")
    )
    return True


def test_an_article_is_read_without_pyyaml() -> None:
    assert agrees(ARTICLE)


@settings(max_examples=1500, deadline=None)
@given(maps())
@example(["title: a", "title: b"])
@example(["topics:", "- AI", "- on"])
@example(["a:", "", "  b: c"])
@example(["a: b", "  c"])
@example(["a:", "  - b: c", "   d: e"])
def test_what_is_read_is_what_pyyaml_reads(lines: list[str]) -> None:
    agrees("\n".join(lines) + "\n")


@settings(max_examples=1500, deadline=None)
@given(
    st.integers(0, len(ARTICLE)),
    st.integers(0, 12),
    st.sampled_from(
        ["", " ", "\n", "\t", ":", ": ", " #", "-", "- ", '"', "'", "\\", "&a ", "*a",
         "[", "]", "{", "|", ">", "!", "%", "@", "...", "---", "\x85", "\u2028", "\0",
         "\ufeff", "é", "\n  - ", "\n    ", "<<", "1", "on"]
    ),
)  # fmt: skip
def test_a_mutated_article_is_read_as_pyyaml_reads_it(
    start: int, length: int, insert: str
) -> None:
    agrees(ARTICLE[:start] + insert + ARTICLE[start + length :])


@pytest.mark.parametrize(
    "text",
    ["a: [b]", "a: |\n  b", "a: &x b", "a: b # c", "a: 1.e+3", "a: 0x1f", "a: 1:30",
     "on: a", "a: yes", "a: ~", "a: '", 'a: "\\x41"', "- a", "a", "a: b: c", "a:b",
     "? a", "a: b\n" * 200_000,
     "a: \u2028", "a: \tb", '"a": b', "a: 2020-02-30", "a: 007"],
)  # fmt: skip
def test_what_may_mean_something_else_is_left_to_pyyaml(text: str) -> None:
    assert read_lines(text) is None


def test_a_block_that_stands_twice_is_read_once() -> None:
    first, second = (read_lines(f"number: {n}\n{ARTICLE}") for n in (1, 2))

    assert first is not None
    assert second is not None
    for left, right in zip(first["related"], second["related"], strict=True):
        assert isinstance(left, Block)
        assert left is right


def test_a_block_of_unusual_length_is_read_alike_and_not_remembered() -> None:
    from tasks.lineyaml import MAX_REMEMBERED, _block, _entry

    long = "x" * MAX_REMEMBERED
    text = f"a:\n  b: {long}\nc:\n- d: {long}\n"
    before = (_block.cache_info().currsize, _entry.cache_info().currsize)

    assert agrees(text)

    assert (_block.cache_info().currsize, _entry.cache_info().currsize) == before


@pytest.mark.parametrize("hub", ["corpus/powerapps", "corpus/azure-sample"])
def test_every_file_of_the_corpus_is_read_alike(hub: str) -> None:
    folder = SHARED / hub
    if not folder.is_dir():
        pytest.skip("needs the corpus, see SHARED_SETS")
    answered = [_file_agrees(file) for file in sorted(folder.glob("_news/*.md"))]

    assert sum(answered) > 0.99 * len(answered)


def test_every_file_of_the_sample_is_read_alike() -> None:
    answered = [_file_agrees(file) for file in sorted(SAMPLE.glob("_news/*.md"))]

    assert any(answered)


def _file_agrees(file: Path) -> bool:
    text = file.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    try:
        front_matter, _ = split_front_matter(text)
    except FrontMatterError:
        return False
    return agrees(front_matter)
