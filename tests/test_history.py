"""What a reader could see of each version, and when."""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.articles import parse_article
from tasks.history import VersionReader, generations, visible
from tasks.models import Rejection, SourceFile, Visible

NOBODY = UUID(int=0)


def parsed(content: bytes) -> Visible | str:
    """What the whole of `parse_article` lets a reader see, or why it is rejected."""
    found = parse_article(SourceFile(NOBODY, "", "", content))
    return found.reason if isinstance(found, Rejection) else visible(found)


def read(reader: VersionReader, content: bytes) -> Visible | str:
    """What the reader says; what it leaves to a child process is parsed here."""
    found = reader.read(content)
    if found is None:
        found = reader.learn(
            content, parse_article(SourceFile(NOBODY, "", "", content))
        )
    assert found is not None
    return found.reason if isinstance(found, Rejection) else found


def article(heat: str = "heat: 7", secured: str = 'secured: "AAAA;BBBB"') -> bytes:
    return (
        f"---\ntitle: Sea\nwebUrl: https://news.example/a\n{heat}\nquality: 3\n"
        f"{secured}\npublished: true\n---\nbody\n"
    ).encode()


def test_a_version_shows_title_heat_quality_and_whether_it_is_published() -> None:
    assert VersionReader().read(article()) == Visible("Sea", 7, 3, is_published=True)


def test_a_version_that_differs_in_heat_and_secured_alone_is_not_parsed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = VersionReader()
    reader.read(article())
    monkeypatch.delattr("tasks.history.parse_usual")

    again = reader.read(article("heat: -1", 'secured: "CC=="'))

    assert again == Visible("Sea", -1, 3, is_published=True)


@pytest.mark.parametrize(
    ("heat", "secured"),
    [
        ("heat: 8", 'secured: "AAAA;BBBB"'),
        ("heat:", 'secured: "AAAA;BBBB"'),
        ("heat: ", 'secured: "AAAA;BBBB"'),
        ('heat: "8"', 'secured: "AAAA;BBBB"'),
        ("heat: 8\nheat: 9", 'secured: "AAAA;BBBB"'),
        ('heat: 8\nheat: "9"', 'secured: "AAAA;BBBB"'),
        ("heat: 08", 'secured: "AAAA;BBBB"'),
        ("heat: 8.0", 'secured: "AAAA;BBBB"'),
        ("heat: 12345678901", 'secured: "AAAA;BBBB"'),
        ("heat: much", 'secured: "AAAA;BBBB"'),
        ("heat: 8 # warm", 'secured: "AAAA;BBBB"'),
        ("heat: 8\n  - 9", 'secured: "AAAA;BBBB"'),
        ("topics:\nheat: 8", 'secured: "AAAA;BBBB"'),
        ("note: |\n  text\nheat: 8", 'secured: "AAAA;BBBB"'),
        ("note: 'two\nheat: 8\nlines'", 'secured: "AAAA;BBBB"'),
        ("note: 1\r\nheat: 8\r", 'secured: "AAAA;BBBB"'),
        ("note: 1\rheat: 8", 'secured: "AAAA;BBBB"'),
        ("---\nheat: 8", 'secured: "AAAA;BBBB"'),
        ("--- \nheat: 8", 'secured: "AAAA;BBBB"'),
        ("heat: 7", 'secured: "A"'),
        ("heat: 7", 'secured: ""'),
        ("heat: 7", "secured:"),
        ("heat: 7", "secured: "),
        ("heat: 7", "secured: [1]"),
        ("heat: 7", "secured: {a: 1}"),
        ("heat: 7", 'secured: "A"\nsecured: "B"'),
        ("heat: 7", "title: Land"),
        ("heat: 7", 'secured: "é"'),
        ("heat: 7", 'secured: "A'),
        ("heat: 7", 'secured: "A"\nwebUrl: "nowhere"'),
    ],
)
def test_a_version_spelled_otherwise_shows_what_parsing_it_says(
    heat: str, secured: str
) -> None:
    reader = VersionReader()
    odd = article(heat, secured)
    for content in (article(), odd, article("heat: 5"), odd.replace(b"8", b"6")):
        assert read(reader, content) == parsed(content)
        assert read(reader, content) == parsed(content)


UNUSUAL = [
    (b"Sea", "Mér".encode("latin-1")),
    (b"Sea", "Mér".encode()),
    (b"body", b"\xff\xfe"),
    (b"body", b"\0heat: 3"),
    (b"\n", b"\r\n"),
    (b"---\ntitle", b"\xef\xbb\xbf---\ntitle"),
    (b"---\ntitle", b"\n---\ntitle"),
    (b"---\nbody", b"...\nbody"),
    (b"---\nbody", b"---body"),
    (b"---\nbody\n", b"---"),
    (b"title", b"---\ntitle"),
]


@pytest.mark.parametrize(("usual", "unusual"), UNUSUAL, ids=repr)
def test_bytes_that_are_unusual_show_what_parsing_them_says(
    usual: bytes, unusual: bytes
) -> None:
    reader = VersionReader()
    for heat in (5, 6, 5):
        content = article(f"heat: {heat}")
        assert read(reader, content) == parsed(content)
        content = content.replace(usual, unusual)
        assert read(reader, content) == parsed(content)
        content = content.decode("latin-1").encode("utf-16")
        assert read(reader, content) == parsed(content)


@pytest.mark.parametrize(
    "extra", ["note: &a [1]\nnote2: *a", "note: !odd 1", "note: " + "x" * 250_000]
)
def test_what_is_unusual_is_left_to_a_process_that_may_fail(extra: str) -> None:
    assert VersionReader().read(article(extra)) is None


@pytest.mark.parametrize("content", [b"", b"---", b"---\n", b"---\n---\n", b"\n---"])
def test_hardly_anything_shows_why_it_is_rejected(content: bytes) -> None:
    assert read(VersionReader(), content) == parsed(content)


LINES = st.sampled_from(
    """heat: 1|heat: 22|heat: -3|heat:|heat: "4"|heat: x|secured: "AA=="|secured: "BB"
secured:|secured: 5|title: Sea|title: Land|webUrl: https://n.example/a|webUrl: nowhere
quality: 1|published: false|---|  heat: 5|- heat: 6|topics:|  - a|note: |text|"heat: 9"
# heat: 7|...|heat : 8|note: 'a|b'|\theat: 1|heat: 1\t|provider: Me""".replace(
        "\n", "|"
    ).split("|")
)


@given(st.lists(st.lists(LINES, max_size=7), min_size=2, max_size=5), st.integers())
def test_whatever_was_read_before_a_version_shows_what_parsing_it_says(
    bodies: list[list[str]], seed: int
) -> None:
    """Texts that are alike but for some lines are those that could be mistaken."""
    draw = random.Random(seed)  # noqa: S311 - a test's choices are no secret
    reader = VersionReader()
    for lines in bodies:
        mixed = [*lines, *draw.choice(bodies)]
        for some in (lines, mixed, [f"{line}1" for line in lines]):
            whole = ["---", "webUrl: https://n.example/b", *some, "---", "heat: 3", ""]
            content = "\n".join(whole).encode()
            assert read(reader, content) == parsed(content)


def test_a_commit_comes_after_all_that_it_follows_from() -> None:
    graph = [("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("b",)), ("e", ("c", "d"))]

    assert generations(graph) == {"a": 1, "b": 2, "c": 2, "d": 3, "e": 4}
