"""Whatever is done to a page, it ends in a page or a named rejection, and in time.

Where more than half of what browsers still show is missing, a flag tells so.
"""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tasks.models import Page, Rejection
from tasks.pages import read_page
from tests.pace import Watch

# `MUTANTS=1500 pytest tests/test_hostile_pages.py` makes as many pages of each kind.
EXAMPLES = int(os.environ.get("MUTANTS", "30"))
MOST_SECONDS = 20  # what a page has in the sandbox
URL = "https://www.news.example/2026/story.html"
REASONS = re.compile(r"is empty|is [\w ]+, not HTML|holds no element")
# What tells that text may be missing.
LOSSES = {"deep", "partial", "short", "truncated", "unclosed", "undecodable"}
SENTENCES = [
    f"On day {day} the council of the harbour town heard {who} on the old light, which"
    f" a storm had damaged, and said {day} times that it was to shine again soon."
    for day, who in enumerate(
        "pilots fishers masons painters sailors children widows divers".split(), 1
    )
]
SHAPES = {
    "paragraphs": ("<article><h1>Light</h1>", "<p>{}</p>", "</article>"),
    "unclosed paragraphs": ("<main><h1>Light</h1>", "<p>{}", "</main>"),
    "boxes": ("<div id=story><h1>Light</h1>", "<div>{}</div>", "</div>"),
    "lines": ("<div class=text><h1>Light</h1>", "{}<br><br>", "</div>"),
    "cells": ("<table><tr><td><h1>Light</h1>", "<p>{}</p>", "</td></tr></table>"),
    "one section each": (
        "<h1>Light</h1>",
        "<section><h2>Day</h2><p>{}</p></section>",
        "",
    ),
}
# What hides nothing from readers, however often and wherever it stands between tags.
HARMLESS = [
    "</body></html>", "</body>", "</div>", "</p>", "</span>", "</br>", "</title>",
    "<div>", "<span>", "<b>", "<font color=red>", "<section>", "<blockquote>",
    "<center>", "<ul><li>", "<em><i>", "<o:p>", "<x-y>", "<button>", "<nav>",
    "<aside>", "<footer>", "<label>", "<form>", "<fieldset>", "<marquee>", "<canvas>",
    "<!-->", "<!--->", "<!-- a --!>", "<!-- > -->", "<![CDATA[x]]>", "<?php a ?>",
    "<!x>", "</ >", "<>", "< ", "&#1;", "&#0;", "&#xD800;", "&#x110000;", "&notit;",
    "\0", "\x01", "\x0b", "\x0c", "\x1b[31m", "\ufffe", "\u200b", "\u202e",
    "a" + "\u0301" * 200, "<p a='>' b=\">\">", "<img alt='a>b'>", "<base href='http://['>",
    "<script>var a = '<p>';</script>", "<style>p>a{}</style>", "<br/>", "<p/>",
    "<meta http-equiv=refresh content='0;url=/x'>", "<link rel=canonical href=x>",
    '<script type="application/ld+json">{"@type": "Article", "author": [[]]}</script>',
    '<script type="application/ld+json">{"@type": ["Article", 7], "url": {}}</script>',
]  # fmt: skip
# What may hide the rest of the page from anybody.
GREEDY = [
    "<!--", "<script>", "<style>", "<textarea>", "<title>", "<svg>", "<math>",
    "<template>", "<select>", "<plaintext>", "<noscript>", "<iframe>", "<xmp>",
    "<frameset>", "<table><tr>", "<a href='", '<p class="', "<option>", "<ruby><rt>",
    "<div hidden>", "<svg><style>", "<![CDATA[", "<!DOCTYPE", "<?xml", "<p <p",
]  # fmt: skip
PRELUDES = [
    b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0", b"\n" * 3_000,
    b"<meta charset=utf-16>", b"<meta charset=shift_jis>", b"<meta charset=rot13>",
    b'<?xml version="1.0" encoding="x"?>',
]  # fmt: skip
TIMES = st.sampled_from([1, 1, 1, 3, 260, 3_000])


def written(shape: str, between: dict[int, str]) -> str:
    """Return a page in that shape, with what stands *between* its sentences."""
    start, line, end = SHAPES[shape]
    body = "".join(
        between.get(place, "") + line.format(sentence)
        for place, sentence in enumerate(SENTENCES)
    )
    return (
        "<!DOCTYPE html><html lang=en><head><title>Light</title></head><body>"
        f"{start}{body}{between.get(len(SENTENCES), '')}{end}</body></html>"
    )


def pieces(of: list[str]) -> st.SearchStrategy[dict[int, str]]:
    """Draw what stands where between the sentences."""
    piece = st.builds(lambda what, times: what * times, st.sampled_from(of), TIMES)
    return st.dictionaries(
        st.integers(0, len(SENTENCES)), piece, min_size=1, max_size=3
    )


def outcome(content: bytes, content_type: str | None = None) -> Page | Rejection:
    """Read a page, which takes no longer than it may and ends in what has a name."""
    watch = Watch()
    found = read_page(content, URL, content_type)
    assert watch.within(MOST_SECONDS)
    if isinstance(found, Rejection):
        assert REASONS.fullmatch(found.reason), found
        return found
    said = (found.title or "", *found.authors, found.site_name or "", found.text)
    for text in (*said, *(link.anchor for link in found.links)):
        assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", text)
    return found


def lost(found: Page | Rejection) -> list[str]:
    assert isinstance(found, Page), found
    text = " ".join(found.text.split())
    return [sentence for sentence in SENTENCES if sentence not in text]


quickly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_of_any_shape_is_read_whole(shape: str) -> None:
    found = outcome(written(shape, {}).encode())

    assert lost(found) == []
    assert isinstance(found, Page)
    assert found.flags == ()


@quickly
@given(st.sampled_from(sorted(SHAPES)), pieces(HARMLESS))
@example("paragraphs", {3: "</body></html>"})
@example("paragraphs", {3: "<button>"})
@example("boxes", {2: "<button>"})
@example("boxes", {2: "<form>", 4: "<form>"})
@example("boxes", {2: "<nav>" * 260})
def test_what_readers_still_see_is_read_or_flagged(
    shape: str, between: dict[int, str]
) -> None:
    found = outcome(written(shape, between).encode())

    assert isinstance(found, Page)
    assert 2 * len(lost(found)) <= len(SENTENCES) or LOSSES & set(found.flags)


@quickly
@given(st.sampled_from(sorted(SHAPES)), pieces(GREEDY + HARMLESS), st.data())
def test_any_damage_ends_in_a_page_or_a_named_rejection(
    shape: str, between: dict[int, str], data: st.DataObject
) -> None:
    content = written(shape, between).encode("utf-8", "surrogatepass")
    start = data.draw(st.integers(0, len(content)))
    put = data.draw(st.binary(max_size=6))
    content = content[:start] + put + content[start + data.draw(st.integers(0, 40)) :]
    content = data.draw(st.sampled_from(PRELUDES)) + content
    content_type = data.draw(
        st.sampled_from([None, "text/html; charset=utf-16", "text/html; charset=x"])
    )

    outcome(content, content_type)


@pytest.mark.parametrize(
    "greedy", ["<!--", "<script>", "<style>", "<textarea>", "<title>", "<iframe>"]
)
def test_what_was_never_closed_is_flagged_where_it_holds_text(greedy: str) -> None:
    is_flagged = {
        shape: "unclosed" in outcome(written("paragraphs", between).encode()).flags  # type: ignore[union-attr]
        for shape, between in (
            ("whole", {}),
            ("cut", {4: greedy}),
            ("end", {8: greedy}),
        )
    }

    assert is_flagged == {"whole": False, "cut": True, "end": False}


def test_a_script_that_ends_with_the_next_one_is_flagged() -> None:
    between = {3: "<script>var a = 1;", 6: "<script>var b = 2;</script>"}
    quoted = {3: "<script>a = '<script><p>" + "b" * 200 + "<\\/p>';</script>"}

    flags = [
        outcome(written("paragraphs", each).encode()).flags  # type: ignore[union-attr]
        for each in (between, quoted)
    ]

    assert flags == [("unclosed",), ()]


@pytest.mark.parametrize("end", ["</body></html>", "</html>", "</BODY >", "</html\n>"])
def test_what_follows_the_end_of_a_page_belongs_to_it(end: str) -> None:
    found = outcome(written("paragraphs", {2: end, 5: end}).encode())

    assert lost(found) == []


@pytest.mark.parametrize(
    "box", ["button", "nav", "aside", "footer", "label", "select", "svg", "canvas"]
)
def test_a_box_that_holds_most_of_the_page_is_none_that_is_passed_over(
    box: str,
) -> None:
    found = outcome(written("paragraphs", {2: f"<{box}>"}).encode())

    assert lost(found) == []


def test_a_text_that_is_less_than_half_of_the_page_is_flagged() -> None:
    stories = "".join(
        f"<div class=x{n}><b>{sentence}</b></div>"
        for n, sentence in enumerate(SENTENCES * 4)
    )
    comments = stories.replace("class=x", "class=comment-")

    flags = [
        outcome(written("paragraphs", {8: f"</article>{box}"}).encode()).flags  # type: ignore[union-attr]
        for box in (stories, comments)
    ]

    assert flags == [("partial",), ()]


def test_a_page_that_is_all_comments_is_measured_by_all_of_it() -> None:
    found = outcome(written("paragraphs", {0: "<div id=comments>"}).encode())

    assert isinstance(found, Page)
    assert "partial" in found.flags
