"""An article's file becomes an `Article`, or a `Rejection` that says why and where."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.articles import (
    ARTICLE_FIELDS,
    UNEXPECTED,
    FieldError,
    parse_article,
    parse_taxonomy,
    read_again,
    topic,
)
from tasks.models import (
    Article,
    ImageReference,
    Mention,
    Provider,
    Rejection,
    Repair,
    SourceFile,
    StoredDocument,
    Taxonomy,
    Topic,
)
from tasks.urls import identify
from tests.pace import Watch

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
SAMPLES = Path(__file__).parent / "samples"
SOURCE = UUID("00000000-0000-5000-8000-000000000001")
EVERY_FIELD = (SAMPLES / "every-field.md").read_bytes()
WEB_URL = "webUrl: https://n.example/a\n"


def parse(content: bytes | str, path: str = "_news/a.md") -> Article | Rejection:
    raw = content.encode() if isinstance(content, str) else content
    return parse_article(SourceFile(SOURCE, path, "", raw))


def article(content: bytes | str) -> Article:
    found = parse(content)
    assert isinstance(found, Article), found
    return found


def rejection(content: bytes | str) -> Rejection:
    found = parse(content)
    assert isinstance(found, Rejection), found
    return found


def with_fields(yaml_text: str) -> str:
    """Write a file that has an address, in line 2, and these fields from line 3."""
    return f"---\n{WEB_URL}{yaml_text}\n---\n"


# Every field


@pytest.fixture(scope="module")
def whole() -> Article:
    """Read the file in which every field occurs."""
    return article(EVERY_FIELD)


def test_the_sample_has_every_field_that_is_known() -> None:
    _, head, _ = EVERY_FIELD.decode().split("---\n", 2)

    assert set(yaml.safe_load(head)) >= ARTICLE_FIELDS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "http://www.lantern.example/2024/lamp?utm_source=feed&id=7#top"),
        ("url_key", "https://lantern.example/2024/lamp?id=7"),
        ("article_id", UUID("e54f2e49-1b3a-5d98-bdd6-440e379308f7")),
        ("original_url", "https://lantern.example/original?id=7"),
        ("amp_url", "https://lantern.example/2024/lamp/amp"),
        (
            "cdn_amp_url",
            "https://lantern-example.cdn.ampproject.org/c/s/lantern.example/2024/lamp/amp",
        ),
        ("title", "The lamp that answers & waits"),
        ("excerpt", "The keeper\u2019s lamp blinks back."),
        ("category", "news"),
        ("type", "article"),
        ("published_at", datetime(2024, 3, 4, 8, 30, tzinfo=UTC)),
        ("updated_at", datetime(2024, 3, 5, 10, tzinfo=UTC)),
        ("quality", 50),
        ("heat", -1),
        ("is_published", False),
        ("is_removed", True),
        ("featured_content", '<iframe src="https://video.example/1"></iframe>'),
        ("locale", "en-GB"),
        ("secured_ciphertext", bytes(range(16))),
        ("secured_iv", bytes(range(16, 32))),
        ("source_id", SOURCE),
        ("document_id", UUID("b549d4b7-2a50-5494-b950-bbdc1f432a14")),
        ("path", "_news/a.md"),
        ("revision", ""),
        ("sha256", hashlib.sha256(EVERY_FIELD).hexdigest()),
        ("size_bytes", len(EVERY_FIELD)),
        ("body", "# The lamp\n\nIt answers."),
        ("rejections", ()),
    ],
)
def test_a_field_is_translated(whole: Article, name: str, value: object) -> None:
    found = getattr(whole, name)

    assert found == value
    assert type(found) is type(value)


def test_no_field_is_left_untested(whole: Article) -> None:
    mark = test_a_field_is_translated.pytestmark[0]  # type: ignore[attr-defined]
    tested = {name for name, _ in mark.args[1]}
    names = set(Mention.__slots__) | set(Article.__slots__)

    assert names - tested == {
        "provider", "topics", "images", "related", "repairs", "extra", "front_matter",
        "is_line_oriented", "observed_at",
    }  # fmt: skip


def test_an_article_of_a_commit_has_its_name_and_time() -> None:
    moment = datetime(2024, 3, 6, tzinfo=UTC)

    found = parse_article(SourceFile(SOURCE, "a.md", "1a2b", EVERY_FIELD, moment))

    assert isinstance(found, Article)
    assert (found.revision, found.observed_at) == ("1a2b", moment)


def test_the_provider_is_a_name_on_a_domain(whole: Article) -> None:
    logo = "https://lantern.example/logo.png"

    assert whole.provider == Provider(
        identify("provider", "lantern.example", "The Lantern"),
        "The Lantern",
        "lantern.example",
        "lantern.example",
        (image(logo, declared_width=64),),
    )


def image(url: str, **more: Any) -> ImageReference:
    plain = ImageReference(identify("image", url), url, None, None, None, None, None)
    return replace(plain, **more)


def test_the_images_are_as_declared(whole: Article) -> None:
    assert whole.images == (
        image(
            "https://img.example/2024%252F03%252Flamp.jpg?signature=HOChY_7H9ZI=",
            declared_width=1200,
            declared_height=630,
            declared_is_cached=True,
            title="The lamp & its keeper",
            attribution="A. Keeper",
        ),
        image("https://img.example/plain.jpg"),
    )


def test_the_topics_are_names_and_numbers_each_once(whole: Article) -> None:
    assert whole.topics == (
        Topic(identify("topic", "tidal-power"), "Tidal Power", "tidal-power"),
        Topic(identify("topic", "2024"), "2024", "2024"),
    )


def test_an_entry_of_related_is_an_article_in_small(whole: Article) -> None:
    paper, soup = whole.related

    assert (paper.title, paper.url_key) == (
        "A paper from kelp",
        "https://kelp.example/paper",
    )
    assert paper.provider
    assert (paper.provider.name, paper.provider.domain) == ("Kelp", None)
    assert paper.images == (image("https://kelp.example/paper.jpg"),)
    assert soup.url == soup.original_url == "https://kelp.example/soup"
    assert soup.article_id == identify("article", soup.url)
    assert [found.name for found in soup.topics] == ["Food"]
    assert (soup.title, soup.is_published, soup.is_removed) == (None, None, False)


def test_what_has_no_column_is_kept_in_extra(whole: Article) -> None:
    lamp = "https://img.example/2024%252F03%252Flamp.jpg?signature=HOChY_7H9ZI="

    assert json.loads(whole.extra) == {
        "readingMinutes": 4,
        "route": [{"from": "quay", "to": "lamp"}],
        "provider": {"motto": "Always lit"},
        "images": {lamp: {"focus": "centre"}},
    }


def test_the_front_matter_is_kept_whole_and_as_read(whole: Article) -> None:
    kept = json.loads(whole.front_matter)

    assert kept["title"] == "The lamp that answers &amp; waits"
    assert kept["secured"].encode() in EVERY_FIELD
    assert kept["publishedDateTime"] == "2024-03-04T09:30:00+01:00"
    assert set(kept) == ARTICLE_FIELDS | {"readingMinutes", "route"}


def test_each_repair_is_on_record_under_its_row(whole: Article) -> None:
    lamp = whole.images[0].image_id

    assert whole.repairs == (
        Repair("images", lamp, "title", "entities",
               "The lamp &amp; its keeper", "The lamp & its keeper"),
        Repair("articles", whole.article_id, "title", "entities",
               "The lamp that answers &amp; waits", "The lamp that answers & waits"),
    )  # fmt: skip


# What names the article


def test_where_web_url_is_missing_original_url_names_the_article() -> None:
    found = article("---\noriginalUrl: https://n.example/a\n---\n")

    assert found.url == found.original_url == "https://n.example/a"


@pytest.mark.parametrize("web_url", ["n.example/a", "''", "null", "ftp://n.example/"])
def test_where_web_url_cannot_be_used_original_url_does(web_url: str) -> None:
    found = article(f"---\nwebUrl: {web_url}\noriginalUrl: https://n.example/a\n---\n")

    kept = json.loads(found.extra)

    assert found.url == "https://n.example/a"
    assert kept.get("webUrl", "") == ("" if len(web_url) < 5 else web_url)


@pytest.mark.parametrize(
    ("yaml_text", "reason", "line"),
    [
        ("title: a", "'webUrl' is missing, and so is 'originalUrl'", None),
        ("webUrl: ''", "'webUrl' is missing, and so is 'originalUrl'", 2),
        ("title: a\nwebUrl: /a", "'webUrl': '/a' is not an absolute address", 3),
        ("originalUrl: x", "'originalUrl': 'x' is not an absolute address", 2),
        ("webUrl: [a]", "'webUrl' is a list, not text", 2),
        ("webUrl: {a: b}", "'webUrl' is a map, not text", 2),
        ("webUrl: 5", "'webUrl': '5' is not an absolute address", 2),
    ],
)
def test_a_file_that_names_no_address_is_rejected(
    yaml_text: str, reason: str, line: int | None
) -> None:
    found = rejection(f"---\n{yaml_text}\n---\n")

    assert (found.reason, found.line) == (reason, line)
    assert (found.stage, found.subject, found.source_id) == (
        "parse",
        "_news/a.md",
        SOURCE,
    )


@pytest.mark.parametrize("name", ["originalUrl", "ampWebUrl", "cdnAmpWebUrl"])
def test_a_further_address_that_cannot_be_used_costs_itself_alone(name: str) -> None:
    found = article(with_fields(f"{name}: not an address"))

    (lost,) = found.rejections
    assert (found.original_url, found.amp_url, found.cdn_amp_url) == (None, None, None)
    assert json.loads(found.extra) == {name: "not an address"}
    assert lost.reason == f"'{name}': 'not an address' is not an absolute address"
    assert lost.line == 3


# Wrong values


@pytest.mark.parametrize(
    ("yaml_text", "reason"),
    [
        ("title: [a]", "'title' is a list, not text"),
        ("excerpt: {a: b}", "'excerpt' is a map, not text"),
        ("quality: good", "'quality' is 'good', not a whole number"),
        ("quality: 1.5", "'quality' is 1.5, not a whole number"),
        ("quality: true", "'quality' is True, not a whole number"),
        ("quality: .nan", "'quality' is 'nan', not a whole number"),
        ("quality: [1]", "'quality' is a list, not a whole number"),
        ("heat: 2147483648", "'heat' is 2147483648, not a whole number"),
        ("heat: 1e400", "'heat' is '1e400', not a whole number"),
        ("published: maybe", "'published' is 'maybe', not true or false"),
        ("removed: 2", "'removed' is 2, not true or false"),
        ("related: a", "'related' is 'a', not a list"),
        ("related: {a: b}", "'related' is a map, not a list"),
        ("images: 5", "'images' is 5, not a list"),
        ("topics: {a: b}", "'topics[0]' is a map, not the name of a topic"),
        ("topics: [a, [b]]", "'topics[1]' is a list, not the name of a topic"),
        ("provider: [a]", "'provider' is a list, not a map of fields"),
        ("provider: {}", "'provider.name' is missing, and so is 'domain'"),
        ("provider: {name: [a]}", "'provider.name' is a list, not text"),
    ],
)
def test_a_wrong_value_rejects_the_file_with_reason_and_line(
    yaml_text: str, reason: str
) -> None:
    found = rejection(with_fields(yaml_text))

    assert (found.reason, found.line) == (reason, 3)


@pytest.mark.parametrize(
    "written",
    [
        "soon",
        "2020-06-31T00:00",
        "2020",
        "99999-01-01",
        "12:30",
        "0001-01-01T00:00+14:00",
    ],
)
@pytest.mark.parametrize("name", ["publishedDateTime", "updatedDateTime"])
def test_what_is_no_moment_rejects_the_file(name: str, written: str) -> None:
    found = rejection(with_fields(f"{name}: '{written}'"))

    expected = "a date and time such as 2020-06-11T23:41:00Z"
    assert found.reason == f"'{name}' is {written!r}, not {expected}"
    assert found.line == 3


def test_a_number_too_large_for_any_column_is_a_wrong_value() -> None:
    found = rejection(with_fields("heat: " + "9" * 500))

    assert found.reason.startswith("'heat' is 9999")
    assert found.reason.endswith("…', not a whole number")
    assert len(found.reason) < 150


def test_a_line_is_looked_for_in_the_front_matter_alone() -> None:
    found = rejection("---\ntitle: a\n---\nwebUrl: b\n")

    assert found.line is None


def test_front_matter_that_cannot_be_read_keeps_its_line() -> None:
    found = rejection(with_fields("title: 'a' b"))

    assert (found.reason, found.line) == ("is not valid YAML", 3)
    assert found.detail == "did not find expected key"


# Values that take another form


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2020-06-11T23:41:00Z", datetime(2020, 6, 11, 23, 41, tzinfo=UTC)),
        ("2020-06-11 23:41:00", datetime(2020, 6, 11, 23, 41, tzinfo=UTC)),
        ("2020-06-11", datetime(2020, 6, 11, tzinfo=UTC)),
        ("2020-06-11T23:41:00-03:30", datetime(2020, 6, 12, 3, 11, tzinfo=UTC)),
        ("'2020-06-11T23:41'", datetime(2020, 6, 11, 23, 41, tzinfo=UTC)),
        ("Thu, 11 Jun 2020 23:41:00 GMT", datetime(2020, 6, 11, 23, 41, tzinfo=UTC)),
        ("Thu, 11 Jun 2020 23:41:00 +0200", datetime(2020, 6, 11, 21, 41, tzinfo=UTC)),
        ("''", None),
        ("~", None),
    ],
)
def test_a_moment_is_in_utc_and_one_without_a_zone_is_taken_as_utc(
    written: str, moment: datetime | None
) -> None:
    found = article(with_fields(f"publishedDateTime: {written}"))

    assert found.published_at == moment
    assert moment is None or str(found.published_at).endswith("+00:00")


@pytest.mark.parametrize(
    ("written", "taken"),
    [("yes", True), ("'True'", True), ("1", True), ("'0'", False), ("off", False)],
)
def test_true_and_false_come_in_several_forms(written: str, taken: object) -> None:
    assert article(with_fields(f"published: {written}")).is_published is taken


@pytest.mark.parametrize("written", ["50", "'50'", "50.0", "' 50 '", "0x32"])
def test_a_whole_number_comes_in_several_forms(written: str) -> None:
    assert article(with_fields(f"quality: {written}")).quality == 50


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("[AI, 5, 2.5, true, 2020-06-11]", ["AI", "5", "2.5", "true", "2020-06-11"]),
        ("AI", ["AI"]),
        ("[AI, ai, 'A I', ' AI ']", ["AI", "A I"]),
        ("[~, '', ' ', \"\\u200b\", AI]", ["AI"]),
        ("['R&amp;D']", ["R&D"]),
        ("[]", []),
        ("~", []),
    ],
)
def test_topics_are_what_they_read(written: str, names: list[str]) -> None:
    found = article(with_fields(f"topics: {written}"))

    assert [each.name for each in found.topics] == names


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Computer Vision", "computer-vision"),
        ("  AI & ML ", "ai-ml"),
        ("Fährüberfahrt", "fährüberfahrt"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("灯台", "灯台"),
        ("Ｗｉｄｅ", "wide"),  # noqa: RUF001 - wide letters are what this is about
        ("???", "???"),
    ],
)
def test_a_topic_is_known_by_its_slug(name: str, slug: str) -> None:
    assert topic(name) == Topic(identify("topic", slug), name, slug)


@pytest.mark.parametrize(
    ("written", "name", "domain"),
    [
        ("{name: The Lantern, domain: L.example}", "The Lantern", "l.example"),
        ("{name: ' The  Lantern '}", "The Lantern", None),
        ("{domain: l.example}", "l.example", "l.example"),
        ('{name: "\\u200b", domain: l.example}', "l.example", "l.example"),
        ("{name: A &amp; B, domain: l.example}", "A & B", "l.example"),
        ("The Lantern", "The Lantern", None),
        ("{name: 24, domain: ~}", "24", None),
    ],
)
def test_a_provider_has_a_name_whatever_happens(
    written: str, name: str, domain: str | None
) -> None:
    found = article(with_fields(f"provider: {written}")).provider

    assert found
    assert (found.name, found.domain) == (name, domain)
    assert found.provider_id == identify("provider", domain or "", name)


@pytest.mark.parametrize("nothing", ["", "~", "''", '"\\u200b"', "'&nbsp; '"])
def test_a_text_without_anything_to_see_is_none(nothing: str) -> None:
    assert article(with_fields(f"title: {nothing}")).title is None


def test_no_space_stays_around_a_text() -> None:
    assert article(with_fields('title: "\\u200b a &nbsp;"')).title == "a"


# Entries of lists


LISTS = """\
images:
  - url: https://n.example/a.jpg

  # the next one has no address
  -
    width: 5
  - url: https://n.example/b.jpg
    width: wide
  - 7
related:
- title: no address
  images:
    - url: https://n.example/c.jpg
- webUrl: https://n.example/b
  images:
    - title: no address
- webUrl: https://n.example/c
  quality: high
- webUrl: https://n.example/d
  related: ignored here
-   - a list
"""


def test_an_entry_that_cannot_be_used_costs_itself_alone_and_names_its_line() -> None:
    found = article(with_fields(LISTS))

    assert [each.url for each in found.images] == ["https://n.example/a.jpg"]
    assert [each.url for each in found.related] == [
        "https://n.example/b",
        "https://n.example/d",
    ]
    assert [(lost.line, lost.reason) for lost in found.rejections] == [
        (7, "'images[1].url' is missing"),
        (9, "'images[2].width' is 'wide', not a whole number"),
        (11, "'images[3]' is 7, not a map of fields"),
        (13, "'related[0].webUrl' is missing, and so is 'originalUrl'"),
        (16, "'related[1].images[0].url' is missing"),
        (19, "'related[2].quality' is 'high', not a whole number"),
        (23, "'related[4]' is a list, not a map of fields"),
    ]
    assert found.rejections[0].detail == '{"width":5}'
    assert {lost.stage for lost in found.rejections} == {"parse"}


def test_entries_in_one_line_are_not_looked_for_in_the_next_list() -> None:
    found = article(with_fields("images: [7]\nrelated:\n- webUrl: https://n.example/b"))

    assert [lost.line for lost in found.rejections] == [3]


def test_an_image_whose_address_cannot_be_fetched_is_taken_as_declared() -> None:
    (found,) = article(with_fields("images: [{url: 'ftp://img.example/a.jpg'}]")).images

    assert found == image("ftp://img.example/a.jpg")


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("/a.jpg", "https://news.example/a.jpg"),
        ("b/a.jpg?w=1", "https://news.example/2024/b/a.jpg?w=1"),
        ("../a.jpg", "https://news.example/a.jpg"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("data:image/gif;base64,R0lGOD", "data:image/gif;base64,R0lGOD"),
    ],
)
def test_a_relative_image_starts_at_the_article(written: str, resolved: str) -> None:
    fields = f"webUrl: https://news.example/2024/story\nimages: [{{url: '{written}'}}]"
    text = f"---\n{fields}\n---\n"

    (found,) = article(text.encode()).images

    assert found == image(resolved)


def test_a_relative_logo_starts_at_the_provider() -> None:
    """Wherever it is named: in the taxonomy, or by an article on another site."""
    provider = "{name: The News, domain: news.example, images: [{url: /logo.png}]}"
    fields = f"webUrl: https://mirror.example/story\nprovider: {provider}"

    found = article(f"---\n{fields}\n---\n".encode()).provider

    assert found is not None
    assert found.images == (image("https://news.example/logo.png"),)


# Secured


@pytest.mark.parametrize(
    "written",
    [
        "AAEC",
        "AAEC;",
        ";AAEC",
        "AAEC;AAEC;AAEC",
        "AAE;AAEC",
        "AA EC;AAEC",
        "AAEC;AAF=",
        "é;AAEC",
        "",
    ],
)
def test_secured_that_would_not_come_back_as_it_was_is_kept_in_extra(
    written: str,
) -> None:
    found = article(with_fields(f'secured: "{written}"'))

    assert (found.secured_ciphertext, found.secured_iv) == (None, None)
    assert json.loads(found.extra) == {"secured": written}


@pytest.mark.parametrize("written", ["[AAEC, AAEC]", "5", "{a: b}"])
def test_secured_that_is_no_text_is_kept_in_extra(written: str) -> None:
    found = article(with_fields(f"secured: {written}"))

    assert json.loads(found.extra) == {"secured": yaml.safe_load(written)}


# The bytes of the file


@pytest.mark.parametrize(
    ("content", "repairs"),
    [
        (EVERY_FIELD, []),
        (b"\xef\xbb\xbf" + EVERY_FIELD, [("byte_order_mark", "", "")]),
        (EVERY_FIELD.replace(b"\n", b"\r\n"), [("line_ends", "CR", "LF")]),
        (EVERY_FIELD.replace(b"\n", b"\r"), [("line_ends", "CR", "LF")]),
        (
            EVERY_FIELD.decode().encode("cp1252"),
            [("encoding", "windows-1252", "utf-8")],
        ),
        (
            EVERY_FIELD.decode().encode("utf-16-le"),
            [("encoding", "utf-16le", "utf-8")],
        ),
        (
            EVERY_FIELD.decode().encode("utf-16"),
            [("byte_order_mark", "", ""), ("encoding", "utf-16le", "utf-8")],
        ),
    ],
    ids=["as it is", "BOM", "CRLF", "CR", "windows-1252", "UTF-16", "UTF-16 with BOM"],
)
def test_a_file_in_other_bytes_says_the_same(
    whole: Article, content: bytes, repairs: list[tuple[str, str, str]]
) -> None:
    found = article(content)

    of_file = [
        repair for repair in found.repairs if repair.subject_table == "documents"
    ]
    assert [(r.rule, r.before, r.after) for r in of_file] == repairs
    assert {repair.subject_id for repair in of_file} <= {found.document_id}
    assert (
        replace(
            found,
            repairs=whole.repairs,
            sha256=whole.sha256,
            size_bytes=whole.size_bytes,
        )
        == whole
    )


def test_a_line_is_found_whatever_ends_it() -> None:
    for end in ("\n", "\r\n", "\r"):
        text = "\ufeff" + with_fields("title: a\nheat: b").replace("\n", end)

        assert rejection(text).line == 4


# From the warehouse


def stored(found: Article) -> StoredDocument:
    names = StoredDocument.__slots__
    return StoredDocument(**{name: getattr(found, name) for name in names})


@pytest.mark.parametrize("content", [EVERY_FIELD, with_fields(LISTS).encode()])
def test_an_article_is_read_again_from_what_is_kept_of_it(content: bytes) -> None:
    found = article(content)

    again = read_again(stored(found))

    # The lines of rejections were found in the file, which is not kept.
    lost = tuple(replace(rejection, line=None) for rejection in found.rejections)
    assert again == replace(found, rejections=lost)


def test_the_repairs_of_the_file_itself_are_not_made_again() -> None:
    found = article(b"\xef\xbb\xbf" + EVERY_FIELD)

    again = read_again(stored(found))

    assert again.repairs == found.repairs[1:]


def test_a_document_that_was_never_an_article_is_refused() -> None:
    document = StoredDocument(SOURCE, "a.md", "", "", 0, '{"title":"a"}', "")

    with pytest.raises(FieldError, match="'webUrl' is missing"):
        read_again(document)


# Whatever the bytes are


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda tail: b"---\n" + tail + b"\n---\n"))
def test_arbitrary_bytes_are_an_article_or_a_rejection(content: bytes) -> None:
    found = parse(content)

    assert isinstance(found, Article | Rejection)
    assert not isinstance(found, Rejection) or found.reason != UNEXPECTED, found


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, len(EVERY_FIELD)),
    st.integers(0, 40),
    st.binary(max_size=8)
    | st.sampled_from(
        [
            b"\n",
            b"- ",
            b": ",
            b"[",
            b"{",
            b"'",
            b"&a ",
            b"*a",
            b"~",
            b"\n---\n",
            b"<<: ",
        ]
    ),
)
def test_a_damaged_file_is_an_article_or_a_rejection(
    start: int, length: int, put: bytes
) -> None:
    content = EVERY_FIELD[:start] + put + EVERY_FIELD[start + length :]

    found = parse(content)

    if isinstance(found, Rejection):
        assert found.reason != UNEXPECTED, found
        assert found.line is None or found.line <= content.count(b"\n") + 1
    else:
        json.loads(found.front_matter)
        assert parse(content) == found


FIELD_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes(timezones=st.sampled_from([None, timezone(timedelta(hours=14))]))
    | st.sampled_from(
        ["https://n.example/a", "AAEC;AAEC", "\u200b", "&nbsp;", 10**400]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*sorted(ARTICLE_FIELDS), "url", "width", "name", "domain"])
            | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=200)
@given(
    st.dictionaries(st.sampled_from(sorted(ARTICLE_FIELDS)), FIELD_VALUES, max_size=6)
)
def test_a_field_of_any_kind_is_taken_or_rejected(fields: dict[str, Any]) -> None:
    fields = {"webUrl": "https://n.example/a", **fields}
    content = f"---\n{yaml.safe_dump(fields, sort_keys=False)}---\n"

    found = parse(content)

    assert isinstance(found, Article) or found.reason != UNEXPECTED, found
    if isinstance(found, Article):
        assert all(each.name and each.slug for each in found.topics)
        assert read_again(stored(found)).extra == found.extra


@pytest.mark.parametrize(
    "yaml_text",
    [
        "webUrl: https://n.example/" + "a" * 1_000_000,
        "originalUrl: " + "x" * 1_000_000,
        "topics: [" + "a, " * 50_000 + "a]",
        "title: " + "a\u0591\u05b0" + "\u0591\u05b0" * 100_000,
        "related:\n" + "- webUrl: x\n" * 300,
    ],
    ids=["long address", "long nonsense", "many topics", "many marks", "many faults"],
)
def test_a_monstrous_file_is_read_in_seconds(yaml_text: str) -> None:
    watch = Watch()

    found = parse(
        f"---\nlocale: en\n{WEB_URL * ('webUrl' not in yaml_text)}{yaml_text}\n---\n"
    )

    assert watch.within(5)
    assert isinstance(found, Article) or found.reason != UNEXPECTED


# Taxonomy


def taxonomy(path: str, text: str | bytes) -> Taxonomy | Rejection:
    content = text.encode() if isinstance(text, str) else text
    return parse_taxonomy(SourceFile(SOURCE, path, "", content))


TOPIC = "taxonomy: topic\nname: Tidal  Power\nparent: Energy\nkeywords: [tide, 5]\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("_data/topics/a.yaml", TOPIC),
        ("_data/topics/a.yml", f"---\n{TOPIC}"),
        ("_data/topics/a.yaml", f"\ufeff{TOPIC}".replace("\n", "\r\n")),
        ("_data/topics/a.yaml", TOPIC.replace("\n", "\r")),
        ("_data/topics/a.md", f"---\n{TOPIC}---\nText\n"),
        ("_data/topics/a.md", f"---\n{TOPIC}---\n".replace("\n", "\r")),
    ],
    ids=["yaml", "yml with a start", "BOM and CRLF", "CR", "front matter", "its CR"],
)
def test_a_topic_is_described_by_a_file(path: str, text: str) -> None:
    found = taxonomy(path, text)

    assert isinstance(found, Taxonomy), found
    assert found.providers == ()
    assert found.topics == (
        Topic(
            identify("topic", "tidal-power"),
            "Tidal Power",
            "tidal-power",
            identify("topic", "energy"),
            ("tide", "5"),
        ),
    )


def test_a_provider_is_described_by_a_file() -> None:
    text = """\
---
taxonomy: organization
_id: lantern.example
name: The Lantern &amp; Co
domain: Lantern.Example
images: [{url: https://lantern.example/logo.png}, {width: 5}]
---
"""

    found = taxonomy("_data/organizations/lantern.example.md", text)

    assert isinstance(found, Taxonomy), found
    provider_id = identify("provider", "lantern.example", "The Lantern & Co")
    logo = image("https://lantern.example/logo.png")
    domain = "lantern.example"
    assert found.providers == (
        Provider(provider_id, "The Lantern & Co", domain, domain, (logo,)),
    )
    (repair,) = found.repairs
    assert (repair.subject_id, repair.rule) == (provider_id, "entities")
    (lost,) = found.rejections
    assert (lost.reason, lost.line) == ("'images[1].url' is missing", 6)


NO_NAME = "'name' is missing, and so is"
NO_OPENING = "has no front matter: its first line is not '---'"


@pytest.mark.parametrize(
    ("name", "text", "reason", "line"),
    [
        ("topics/a.yaml", "keywords: [a]\n", f"{NO_NAME} '_id'", None),
        ("topics/a.yaml", 'name: "\\u200b"\n', f"{NO_NAME} '_id'", 1),
        ("topics/a.yaml", "name: a\nkeywords: b\n", "'keywords' is 'b', not a list", 2),
        ("topics/a.yaml", "name: a\nx: 'b' c\n", "is not valid YAML", 2),
        ("topics/a.yaml", "", "has empty front matter", 1),
        ("topics/a.md", "name: a\n", NO_OPENING, 1),
        ("organizations/a.md", "---\nx: 1\n---\n", f"{NO_NAME} 'domain'", None),
        ("organizations/a.md", "---\nname: []\n---\n", "'name' is a list, not text", 2),
    ],
)  # fmt: skip
def test_a_taxonomy_file_that_cannot_be_used_is_rejected(
    name: str, text: str, reason: str, line: int | None
) -> None:
    found = taxonomy(f"_data/{name}", text)

    assert isinstance(found, Rejection)
    assert (found.stage, found.reason, found.line) == ("taxonomy", reason, line)


@settings(deadline=None)
@given(
    st.sampled_from(["_data/topics/a.yaml", "_data/organizations/a.md"]), st.binary()
)
def test_arbitrary_bytes_are_a_taxonomy_or_a_rejection(
    path: str, content: bytes
) -> None:
    found = taxonomy(path, content)

    assert isinstance(found, Taxonomy) or found.reason != UNEXPECTED, found


# What every developer has at hand

needs_seed = pytest.mark.skipif(
    not (SHARED / "seed").is_dir(), reason="needs the seed, see SHARED_SETS"
)
needs_corpus = pytest.mark.skipif(
    not (SHARED / "corpus").is_dir(), reason="needs the corpus, see SHARED_SETS"
)


@needs_seed
def test_the_seed_document_loads_whole() -> None:
    (path,) = (SHARED / "seed").glob("*.txt")
    content = path.read_bytes()

    found = article(content)

    kept = json.loads(found.front_matter)
    assert found.rejections == ()
    assert set(kept) <= ARTICLE_FIELDS
    assert "US government\u2019s tracking" in str(found.related[0].excerpt)
    assert len(found.related) == len(kept["related"])
    assert kept["secured"].encode() in content
    assert found.secured_ciphertext
    assert found.secured_iv
    assert "2020%252F06%252F11%252F" in found.images[0].url
    assert found.images[0].url.endswith("?signature=HOChYtlDCMUQX0jvtjhfy_7H9ZI=")
    assert found.images[0].url.encode() in content
    assert found.published_at == datetime(2020, 6, 11, 23, 41, tzinfo=UTC)
    assert [repair.rule for repair in found.related[0].repairs] == ["mojibake"]


@needs_corpus
def test_every_file_of_the_corpus_is_an_article() -> None:
    paths = [
        path for path in (SHARED / "corpus").rglob("*.md") if "_news" in path.parts
    ]

    found = [parse(path.read_bytes(), path.name) for path in paths]

    assert len(found) > 1_000
    assert [each for each in found if isinstance(each, Rejection)] == []
    assert [
        lost for each in found if isinstance(each, Article) for lost in each.rejections
    ] == []


@needs_corpus
def test_every_taxonomy_file_of_the_corpus_is_taken() -> None:
    for hub in (SHARED / "corpus").iterdir():
        for path in hub.glob("_data/*/*"):
            found = taxonomy(f"_data/{path.parent.name}/{path.name}", path.read_bytes())

            assert isinstance(found, Taxonomy), found
            assert found.rejections == ()


def test_a_meta_element_in_markdown_names_no_encoding() -> None:
    body = b'<meta charset="koi8-r">\n' + "Die Fähre fährt früh.".encode("cp1252")

    found = article(b"---\ntitle: F\xe4hre\nwebUrl: https://n.example/a\n---\n" + body)

    assert found.title == "Fähre"


def test_a_no_break_space_stays_in_text_and_makes_no_other_key() -> None:
    plain, unbroken = (
        article(
            with_fields(
                f'title: "A{blank}title"\nprovider: {{name: "Daily{blank}Buoy",'
                f' domain: n.example}}\ntopics: ["Sea{blank}ice"]'
            )
        )
        for blank in (" ", "\u00a0")
    )

    assert unbroken.title == "A\u00a0title"
    assert unbroken.topics[0].topic_id == plain.topics[0].topic_id
    assert plain.provider
    assert unbroken.provider
    assert unbroken.provider.provider_id == plain.provider.provider_id
