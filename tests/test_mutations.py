"""A valid file, damaged in any way, is an article that can be loaded or a rejection."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.articles import UNEXPECTED, parse_article, parse_usual, read_again
from tasks.models import (
    Article,
    Fate,
    KnownFile,
    Rejection,
    Source,
    SourceFile,
    StoredDocument,
)
from tasks.rows import ArticleRows, file_table, rejection_table
from tasks.warehouse.working import Warehouse, open_warehouse
from tests.hub import MOMENT
from tests.pace import Watch
from tests.test_articles import LISTS, with_fields
from tests.test_lineyaml import ARTICLE

SOURCE = Source(UUID(int=1), "folder", "mutants", "/nowhere")
SAMPLES = Path(__file__).parent / "samples"
NEWS = Path(__file__).parents[1] / "data" / "sample" / "_news"
# `MUTANTS=1500 pytest tests/test_mutations.py` makes some 20,000 damaged files.
EXAMPLES = int(os.environ.get("MUTANTS", "40"))
MOST_SECONDS = 2  # for one file of some kilobytes, on a machine with other work

VALID = [
    (SAMPLES / "every-field.md").read_bytes(),
    with_fields(LISTS).encode(),
    with_fields(ARTICLE).encode(),
    (NEWS / "2024-04-18-tako-postman.md").read_bytes(),
    (NEWS / "2024-04-27-to-nisi-xoris-rologia.md").read_bytes(),
]
SNIPPETS = [
    *(word.encode() for word in "- : [ ] { } ' \" & * ! | > % @ ` ~ ? #".split()),
    *(
        text.encode()
        for text in (
            "\n", "\r", "\r\n", "\t", "\0", "\x85", "\u2028", "\ufeff", "\u200b",
            "\n---\n", "\n...\n", "<<: ", "&a ", "*a", "!!binary ", "!!set ", "!x ",
            ": ", "- - - ", "\n- ", "\n  ", " #", "[" * 200, "9" * 2_000, "'" * 99,
            "\u0301" * 40, "&amp;rsquo;", "â€™", "\\uD800", "webUrl: ", "related:\n",
            "related: [x]\n", "images: 7\n", "topics: {}\n", "provider: x\n", "0000",
            "9999-12-31", "2020-02-30", "1e400", ".inf", "://", "%zz", "\U0001f600",
        )
    ),
    b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\x1b$B", b"\x80" * 20,
]  # fmt: skip
ENCODINGS = (
    "utf-16 utf-16-le utf-32 cp1252 latin-1 utf-7 koi8-r shift_jis euc_kr".split()
)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A valid file with some damage to its bytes, its lines or its encoding."""
    content = draw(st.sampled_from(VALID))
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 2, 2, 3, 5]))):
        kinds = st.sampled_from([_bytes, _bytes, _lines, _lines, _whole])
        content = draw(kinds)(draw, content)
    return content


def _bytes(draw: st.DrawFn, content: bytes) -> bytes:
    start = draw(st.integers(0, len(content)))
    length = draw(st.sampled_from([0, 0, 1, 1, 2, 5, 40, 400]))
    put = draw(st.sampled_from(SNIPPETS) | st.binary(max_size=4))
    put *= draw(st.sampled_from([1, 1, 1, 1, 2, 50]))
    return content[:start] + put + content[start + length :]


def _lines(draw: st.DrawFn, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    low, high = sorted((first, second))
    match draw(st.integers(0, 5)):
        case 0:
            lines[first], lines[second] = lines[second], lines[first]
        case 1:
            lines[low:low] = lines[low:high] * draw(st.sampled_from([1, 2, 30]))
        case 2:
            lines[first] = b" " * draw(st.sampled_from([1, 2, 4, 120])) + lines[first]
        case 3:
            lines[low:high] = [b"  " + line for line in lines[low:high]]
        case 4:
            lines[low:high] = [line.lstrip() for line in lines[low:high]]
        case _:
            del lines[low:high]
    return b"".join(lines)


def _whole(draw: st.DrawFn, content: bytes) -> bytes:
    match draw(st.integers(0, 4)):
        case 0:
            return content[: draw(st.integers(0, len(content)))]
        case 1:
            encoding = draw(st.sampled_from(ENCODINGS))
            return content.decode("utf-8", "replace").encode(encoding, "replace")
        case 2:
            return codecs.BOM_UTF8 + content
        case 3:
            ends = st.sampled_from([b"\r\n", b"\r", b"\n\n", "\u2028".encode()])
            return content.replace(b"\n", draw(ends))
        case _:
            return content.decode("latin-1").encode()  # the classic mojibake


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A real file that all mutants are loaded into, one over the other."""
    path = tmp_path_factory.mktemp("mutants") / "working.duckdb"
    with open_warehouse(path, MOMENT) as opened:
        opened.put_source(SOURCE, None)
        yield opened


def parsed(path: str, content: bytes) -> Article | Rejection:
    watch = Watch()
    found = parse_article(SourceFile(SOURCE.source_id, path, "", content))
    assert watch.within(MOST_SECONDS)
    return found


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(mutants(), min_size=10, max_size=20))
def test_any_damage_gives_an_article_that_loads_or_a_rejection(
    warehouse: Warehouse, contents: list[bytes]
) -> None:
    found = {f"_news/{n}.md": content for n, content in enumerate(contents)}

    outcomes = {path: parsed(path, content) for path, content in found.items()}

    articles = [each for each in outcomes.values() if isinstance(each, Article)]
    for path, outcome in outcomes.items():
        if isinstance(outcome, Rejection):
            assert_is_in_words(outcome, found[path])
        else:
            assert_is_whole(outcome)
        here = parse_usual(
            SourceFile(SOURCE.source_id, path, "", found[path]), "article"
        )
        assert here is None or here == outcome
    load(warehouse, outcomes)
    stored = warehouse.ask("known_files", {"source_id": SOURCE.source_id})
    assert {path for path, _, fate, *_ in stored if fate == "loaded"} >= {
        each.path for each in articles
    }


def assert_is_in_words(rejection: Rejection, content: bytes) -> None:
    assert rejection.reason != UNEXPECTED, rejection
    assert "\n" not in rejection.reason
    rejection.reason.encode()
    rejection.detail.encode()
    lines = content.count(b"\n") + content.count(b"\r") + 1
    assert rejection.line is None or 1 <= rejection.line <= lines


def assert_is_whole(article: Article) -> None:
    json.loads(article.front_matter)
    names = StoredDocument.__slots__
    kept = StoredDocument(**{name: getattr(article, name) for name in names})
    assert read_again(kept).extra == article.extra


def load(warehouse: Warehouse, outcomes: dict[str, Article | Rejection]) -> None:
    """Load as the step does, in one transaction."""
    articles = [each for each in outcomes.values() if isinstance(each, Article)]
    rejections = [each for each in outcomes.values() if isinstance(each, Rejection)]
    rejections += [entry for article in articles for entry in article.rejections]
    files = [
        (KnownFile(path, "article", fate, "", None), 0)
        for path, found in outcomes.items()
        for fate in [_fate(found)]
    ]
    books = {
        "batch_files": file_table(SOURCE.source_id, files, set(outcomes)),
        "batch_rejections": rejection_table(rejections),
    }
    rows = ArticleRows()
    for article in articles:
        rows.article(article)
    with warehouse.batch({**rows.tables(), **books}):
        for document in warehouse.articles.contested():
            rows.claims(read_again(document))
        warehouse.fill(rows.tables())
        with warehouse.transaction():
            warehouse.articles.load_articles(MOMENT)
            warehouse.articles.put_files()
            warehouse.articles.resolve_rejections(MOMENT)
            warehouse.put_rejections(uuid4())


def _fate(found: Article | Rejection) -> Fate:
    return "loaded" if isinstance(found, Article) else "rejected"
