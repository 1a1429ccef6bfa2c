"""The fast reader says what PyYAML says, or nothing."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.frontmatter import (
    FrontMatterError,
    UnusualError,
    read_front_matter,
    split_front_matter,
)
from tasks.guardedyaml import read_yaml
from tasks.lineyaml import Block, read_lines, read_pieces, to_json

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
SAMPLE = Path(__file__).parents[1] / "data" / "sample"

ARTICLE = """\
category: news
reading-time: 4
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

# The same in the ways of others: folded, in brackets, in blocks, with comments.
OTHER_ARTICLE = """\
title: "A title of two
  lines: one \\
  and - two"
excerpt: >-
  folded

  text
secured: |2+
   kept

tags: [AI, "a, b", {name: c}]
type: article
heat:
  -1
# a comment
provider: {name: Harbour Cam, domain: tidetube.example}
related:
  - title: One that goes on
      and on
    images:
    - url: https://images.example/1.jpg # note

  - # a comment
    title: |
      Two
  -   title: "Th
      ree"
topics:
- 'on
  two lines'
- >
 one
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
    """Hold the readers against each other; tell whether the fast one answered."""
    fields = read_lines(text)
    if fields is None:
        agrees_by_pieces(text)
        return False
    expected = judged(text)
    assert fields == expected, text
    assert to_json(fields) == json.dumps(
        expected, ensure_ascii=False, separators=(",", ":")
    )
    return True


def agrees_by_pieces(text: str) -> bool:
    """Hold PyYAML asked piece by piece against PyYAML asked about all."""
    try:
        fields = read_pieces(text, partial(read_yaml, only_usual=True))
    except (FrontMatterError, UnusualError):
        return False
    if fields is None:
        return False
    assert fields == judged(text), text
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


@settings(max_examples=3000, deadline=None)
@given(
    st.integers(0, len(OTHER_ARTICLE)),
    st.integers(0, 30),
    st.sampled_from(
        ["", " ", "  ", "\n", "\n\n", "\t", ":", ": ", " #", "-", "- ", '"', "'", "\\",
         "[", "]", "{", "}", ",", "|", ">", "|-", ">+", "|1", "...", "---", "%YAML 1.1",
         "\n...\n", "\n---\n", "\n? ", "\n: ", "\n# ", "\n- ", "\n  - ", "\na: ",
         "\na:\n", '\n"', "\n b", "\n  c", "\x85", "\u2028", "\ufeff", "\0"]
    ),
)  # fmt: skip
def test_pieces_are_read_as_the_whole_is(start: int, length: int, insert: str) -> None:
    agrees_by_pieces(OTHER_ARTICLE[:start] + insert + OTHER_ARTICLE[start + length :])


@pytest.mark.parametrize(
    "text",
    ["a: [b, c]", "a: |\n  b\n\nc: 1\n", "a: |+\n  b\n\n\nc: >-\n  d\n", "a: b # c",
     "a: 0x1f\nb: ~\n", "a: b\n  c\nd: e", "a:\n- b: [c]\n- d", "a:\n  - |1\n    b\n",
     "a:\n  - - b\n    - c", "a: b\n# c\nd: e", "a:\n- b\n# c\n- d\n",
     "a:\n- b: |+\n    c\n\n- d: |+\n    e\n\n", "a:\n  # b\n  - c\n",
     "a: &b [c]\nd: 'e\n  f'\n"],
)  # fmt: skip
def test_what_is_not_proven_is_asked_about_alone(text: str) -> None:
    whole: list[str] = []

    def ask(piece: str) -> dict[str, Any]:
        whole.append(piece)
        return read_yaml(piece)

    assert read_pieces(text, ask) == judged(text)
    assert whole


@pytest.mark.parametrize(
    "text",
    ["? a\n: b\n", "a: &x [b]\nc: *x\n", "a:\n  - 'b\n  - c'\n", "a: |\n b\n  - c\nd",
     'a: "b\nc"\nd: [e]\n', "a:\n  - b\n c\n", "on: [a]\n", "a: [b]\n...\nc: d\n",
     "a: [b]\n--- c\n"],
)  # fmt: skip
def test_what_cannot_be_cut_is_not(text: str) -> None:
    assert not agrees_by_pieces(text)


def test_an_article_in_the_ways_of_others_is_asked_about_once_an_entry() -> None:
    from tasks.lineyaml import _either

    assert agrees_by_pieces(OTHER_ARTICLE)
    read_front_matter(f"---\n{OTHER_ARTICLE}---\n")
    before = _either.cache_info()

    again = read_front_matter(f"---\nnumber: [1]\n{OTHER_ARTICLE}---\nbody\n")

    after = _either.cache_info()
    assert (after.hits - before.hits, after.misses - before.misses) == (5, 0)
    assert all(isinstance(entry, Block) for entry in again.fields["related"])
    assert not again.is_line_oriented


@pytest.mark.parametrize(
    "style", [{}, {"width": 40}, {"indent": 4}, {"default_flow_style": None}]
)
def test_what_dumpers_write_is_read_by_pieces(style: dict[str, Any]) -> None:
    answered = []
    for file in sorted(SAMPLE.glob("_news/*.md")):
        fields = judged(_front_matter(file))
        if isinstance(fields, dict):
            text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, **style)
            answered.append(agrees(text) or agrees_by_pieces(text))

    assert sum(answered) > 0.9 * len(answered) > 30


def test_a_block_that_stands_twice_is_read_once() -> None:
    first, second = (read_lines(f"number: {n}\n{ARTICLE}") for n in (1, 2))

    assert first is not None
    assert second is not None
    for left, right in zip(first["related"], second["related"], strict=True):
        assert isinstance(left, Block)
        assert left is right


def test_a_block_of_unusual_length_is_read_alike_and_not_remembered() -> None:
    from tasks.lineyaml import MAX_REMEMBERED, _deep, _entry, _line, _short_section

    long = "x" * MAX_REMEMBERED
    text = f"a:\n  b: {long}\nc:\n- d: {long}\n"
    remembered = (_deep, _entry, _line, _short_section)
    before = [read.cache_info().currsize for read in remembered]

    assert agrees(text)

    assert [read.cache_info().currsize for read in remembered] == before


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
    front_matter = _front_matter(file)
    return bool(front_matter) and agrees(front_matter)


def _front_matter(file: Path) -> str:
    text = file.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
    try:
        return split_front_matter(text)[0]
    except FrontMatterError:
        return ""
