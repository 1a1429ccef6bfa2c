"""A page's text, what it says about itself, and where it links to."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tasks.markup import MAX_ELEMENTS, MAX_HEADINGS, parse_html
from tasks.models import Link, Page, Rejection
from tasks.moments import find_moment, parse_moment
from tasks.pages import MAX_LINKS, count_words, read_page
from tasks.sandbox import Failure, run_sandboxed
from tests.pace import Watch

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
URL = "https://www.news.example/2026/story.html"
FIRST = (
    "The council of the harbour town decided on Monday to rebuild the old light, "
    "which a storm had damaged badly in the spring, with money of its own. "
)
LAST = (
    "Nobody who lives near the water was surprised by the vote, said the mayor, for "
    "the light had guided every ship into the bay for more than two hundred years. "
)
TEXT = f"<p>{FIRST}</p><p>{LAST}</p>" * 2
ARTICLE = f"<h1>Lighthouse will shine again</h1>{TEXT}"


def html(
    head: str = "", body: str = ARTICLE, title: str = "Lighthouse will shine again"
) -> str:
    return (
        f'<!DOCTYPE html><html lang="en-gb"><head><title>{title}</title>{head}'
        f"</head><body><article>{body}</article></body></html>"
    )


def page(content: str | bytes, content_type: str | None = None) -> Page:
    raw = content.encode("utf-8") if isinstance(content, str) else content
    result = read_page(raw, URL, content_type)
    assert isinstance(result, Page), result
    return result


def linked(**node: Any) -> Page:
    """Read a page whose JSON-LD is this one node."""
    data = json.dumps({"@type": "NewsArticle", **node})
    return page(html(f'<script type="application/ld+json">{data}</script>'))


def meta(**names: str) -> str:
    return "".join(
        f'<meta property="{name.replace("__", ":")}" content="{value}">'
        for name, value in names.items()
    )


def test_the_text_is_the_article_without_its_surroundings() -> None:
    body = f"<nav><a href=/>Home</a></nav>{ARTICLE}<footer>All rights reserved</footer>"

    result = page(html(body=body))

    assert FIRST.strip() in result.text
    assert LAST.strip() in result.text
    assert "rights reserved" not in result.text
    assert result.flags == ()
    assert result.word_count == count_words(result.text) > 50


def test_an_article_in_several_boxes_of_one_kind_is_read_whole() -> None:
    told = [f"{n}: {FIRST}{LAST}".strip() for n in range(9)]
    boxes = (
        "".join(f"<p>{line}</p>" for line in told[start:end])
        for start, end in ((0, 5), (5, 7), (7, 9))
    )
    advert = '<div class="slot"><p>Buy a light.</p></div>'
    body = advert.join(f'<div class="body article__body">{box}</div>' for box in boxes)
    teaser = f'<div class="teaser"><p>Elsewhere: {LAST * 3}</p></div>'

    result = page(f"<body><main><div>{body}</div>{teaser}</main>")

    assert [line.strip() for line in result.text.split("\n")] == told


def test_the_text_begins_after_the_title() -> None:
    assert page(html()).text.startswith(FIRST.strip())
    assert page(html(body=f"<h1>Another headline</h1>{TEXT}")).text.startswith(
        "Another"
    )


def test_a_page_with_a_few_words_is_flagged_as_short() -> None:
    result = page(html(body="<p>Read on with a subscription.</p>"))

    assert "short" in result.flags


# --- encodings ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "content_type", "source"),
    [
        ("utf-8", None, "utf-8"),
        ("utf-8", "text/html; charset=utf-8", "header"),
        ("windows-1252", "text/html;charset=ISO-8859-1", "header"),
        ("shift_jis", 'text/html; charset="Shift_JIS"', "header"),
    ],
)
def test_bytes_become_text_by_what_the_server_says(
    encoding: str, content_type: str | None, source: str
) -> None:
    word = "日本語" if encoding == "shift_jis" else "Köln \u2013 naïve"
    raw = html(body=f"<p>{word}: {FIRST}</p>" + ARTICLE).encode(encoding)

    result = page(raw, content_type)

    assert word in result.text
    assert (result.encoding, result.encoding_source) == (encoding, source)


def test_references_of_windows_1252_are_what_browsers_show() -> None:
    result = page(html(body=f"<p>Ten&#150;twelve &#x80;5. {FIRST}</p>" + ARTICLE))

    assert "Ten\u2013twelve \u20ac5." in result.text
    assert result.flags == ()


# --- what the page says about itself --------------------------------------------


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("Ann Lee", ("Ann Lee",)),
        ({"@type": "Person", "name": "Ann Lee"}, ("Ann Lee",)),
        ([{"name": "Ann Lee"}, "Bo Ek"], ("Ann Lee", "Bo Ek")),
        ([[{"name": ["Ann Lee", "Bo Ek"]}]], ("Ann Lee", "Bo Ek")),
        ("By Ann Lee, Bo Ek and Cy Day", ("Ann Lee", "Bo Ek", "Cy Day")),
        ("Lee, Ann", ("Lee, Ann",)),
        ("Ann Lee, AP Sports Writer", ("Ann Lee",)),
        ("Ann Lee, MS, RD", ("Ann Lee",)),
        ("Ann Lee, TIME", ("Ann Lee",)),
        ("Written by: Ann Lee", ("Ann Lee",)),
        ("&quot;Ann&quot; Lee  ", ('"Ann" Lee',)),
        ("https://news.example/ann-lee", ()),
        ("ann@news.example", ()),
        ("The Daily Buoy", ()),
        ("Buoy Media Group", ()),
        ("Admin", ()),
        ("Read more", ()),
        ("Lighthouses and their keepers in the time after " * 3, ()),
        ({"name": None}, ()),
        (7, ()),
        (None, ()),
    ],
)
def test_authors_are_people(author: object, expected: tuple[str, ...]) -> None:
    site = meta(og__site_name="The Daily Buoy")
    data = {
        "@type": "Article",
        "author": author,
        "publisher": {"name": "Buoy Media Group"},
    }
    script = f'<script type="application/ld+json">{json.dumps(data)}</script>'

    assert page(html(site + script)).authors == expected


@pytest.mark.parametrize(
    "wrap",
    [
        lambda node: node,
        lambda node: [{"@type": "WebSite", "name": "X"}, node],
        lambda node: {"@context": "https://schema.org", "@graph": [{"@id": "x"}, node]},
        lambda node: [[{"@type": "WebPage", "name": "X", "mainEntity": node}]],
        lambda node: {**node, "@type": ["Article", "NewsArticle"]},
        lambda node: {**node, "@type": "BlogPosting"},
    ],
    ids=["alone", "list", "graph", "main entity", "two types", "posting"],
)
def test_linked_data_is_read_in_all_its_shapes(wrap: Any) -> None:
    node = {"@type": "NewsArticle", "headline": "Said &amp; done", "author": "Ann Lee"}

    script = f'<script type="application/ld+json">{json.dumps(wrap(node))}</script>'

    result = page(html(script, TEXT))

    assert result.title == "Said & done"
    assert result.authors == ("Ann Lee",)


@pytest.mark.parametrize(
    "script",
    [
        "{",
        "[" * 100_000,
        "null",
        '"text"',
        "[[1, {}]]",
        '{"@type": 7, "author": {}}',
        '{"@type": "Article", "headline": {"x": 1}, "image": 3, "author": [[]]}',
    ],
)
def test_broken_linked_data_is_passed_over(script: str) -> None:
    result = page(html(f'<script type="application/ld+json">{script}</script>'))

    assert result.title == "Lighthouse will shine again"
    assert result.authors == ()


def test_lines_that_show_nothing_are_no_part_of_the_text() -> None:
    first, last = f"{FIRST * 9}.", f"{LAST * 9}\u200b"

    result = linked(articleBody=f"{first}\n\u200b\n{last}\n\u2060 \u200b")

    assert result.text.split("\n") == [first, last]


def test_linked_data_in_comment_marks_is_read() -> None:
    data = '<!-- {"@type": "Article", "author": "Ann\nLee"} -->'

    assert page(
        html(f'<script type="application/ld+json">{data}</script>')
    ).authors == ("Ann Lee",)


def test_meta_fills_what_linked_data_leaves_open() -> None:
    head = meta(
        og__title="Lighthouse | The Daily Buoy",
        og__site_name="The Daily Buoy",
        og__image="/light.jpg?w=1&amp;h=2",
        og__url="/2026/story",
        author="By Ann Lee",
        article__published_time="2026-11-23T08:00:00+01:00",
    )

    result = page(html(head, TEXT))

    assert result.title == "Lighthouse"
    assert result.site_name == "The Daily Buoy"
    assert result.authors == ("Ann Lee",)
    assert result.lead_image_url == "https://www.news.example/light.jpg?w=1&h=2"
    assert result.canonical_url == "https://www.news.example/2026/story"
    assert result.published_at == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert result.language == "en-GB"


def test_a_page_that_says_nothing_leaves_blanks() -> None:
    result = page(f"<p>{FIRST}</p><p>{LAST} Printed in June 2020, (c) 2019.</p>")

    assert (result.title, result.authors, result.published_at) == (None, (), None)
    assert (result.language, result.site_name) == (None, None)
    assert (result.canonical_url, result.lead_image_url) == (None, None)


def test_the_canonical_address_and_the_image_of_linked_data() -> None:
    image = [{"@type": "ImageObject", "url": "https://cdn.example/a.jpg"}]
    data = json.dumps({"@type": "Article", "image": image})
    head = '<link rel="shortlink canonical" href="../story">'

    result = page(html(f'{head}<script type="application/ld+json">{data}</script>'))

    assert result.canonical_url == "https://www.news.example/story"
    assert result.lead_image_url == "https://cdn.example/a.jpg"


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00+00:00"),
        ("2026-11-23T08:00:00.1234567+02:00", "2026-11-23T06:00:00.123456+00:00"),
        ("2026-11-23 08:00:00 +0200", "2026-11-23T06:00:00+00:00"),
        ("2026-11-23T08:00", "2026-11-23T08:00:00+00:00"),
        ("2026-11-23", "2026-11-23T00:00:00+00:00"),
        ("Mon, 23 Nov 2026 08:00:00 -0500", "2026-11-23T13:00:00+00:00"),
        ("2026-11-23 08:00:00 UTC", "2026-11-23T08:00:00+00:00"),
        ("1795420800", "2026-11-23T08:00:00+00:00"),
        ("1795420800000", "2026-11-23T08:00:00+00:00"),
        ("20261123", "2026-11-23T00:00:00+00:00"),
    ],
)
def test_moments_are_utc(said: str, moment: str) -> None:
    found = parse_moment(said)

    assert found is not None
    assert found.isoformat() == moment
    assert linked(datePublished=said).published_at == found


@pytest.mark.parametrize(
    "said",
    ["", "soon", "0001-01-01T00:00:00Z", "2026-13-01", "{{date}}", "7", "9" * 10_000],
)
def test_what_is_no_date_is_none(said: str) -> None:
    assert parse_moment(said) is None
    assert linked(datePublished=said).published_at is None


# --- the title, who wrote it, when ------------------------------------------------


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("Seals counted | The Daily Buoy", "Seals counted", "Seals counted"),
        ("Seals counted | The Daily Buoy", "", "Seals counted"),
        ("Seals counted - News", "", "Seals counted"),
        ("Seals counted | Coast News | The Daily Buoy", "", "Seals counted"),
        ("Seals | The harbour's own", "", "Seals | The harbour's own"),
        ("1,204 seals counted, say experts", "Experts count 1,204 seals", "heading"),
        ("1,204 seals counted, say experts", "Most read", "title"),
        ("1,204 seals counted, say experts", "The Daily Buoy", "title"),
        ("Seals counted：The Daily Buoy", "", "Seals counted"),  # noqa: RUF001
    ],
)
def test_the_title_is_the_headline_without_the_site(
    title: str, heading: str, expected: str
) -> None:
    head = meta(og__site_name="The Daily Buoy", og__title=title)
    head += meta(twitter__title="Seals counted") if "Coast" in title else ""
    body = f"<h1>{heading}</h1>{TEXT}"

    result = page(html(head, body, title=""))

    assert result.title == {"heading": heading, "title": title}.get(expected, expected)


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Light of the sea - Windle Gazette", "Light of the sea"),
        ("Light of the sea | THE WINDLE GAZETTE", "Light of the sea"),
        ("Windle Gazette", "Windle Gazette"),
        ("Light of the sea - Windle", "Light of the sea - Windle"),
        ("The end of the Windle Gazette", "The end of the Windle Gazette"),
    ],
)
def test_the_known_publisher_is_no_part_of_the_title(title: str, kept: str) -> None:
    raw = html(body=TEXT, title=title).encode()

    result = read_page(raw, URL, publisher="The Windle Gazette")

    assert isinstance(result, Page)
    assert result.title == kept


@pytest.mark.parametrize(
    ("byline", "expected"),
    [
        ('<p class="byline">By Ann Lee</p>', ("Ann Lee",)),
        ('<p class="c-byline">By Ann Lee and Bo van Ek</p>', ("Ann Lee", "Bo van Ek")),
        ("<p>By <b>Ann Lee</b></p>", ("Ann Lee",)),
        ('<a rel="author" href="/a">ANN LEE</a>', ("ANN LEE",)),
        ('<a class="x" href="/author/paul">Paul</a>', ("Paul",)),
        (
            '<p class="author">Ann Lee, Political Editor | Dec 19, 2016</p>',
            ("Ann Lee",),
        ),
        (
            '<div itemprop="author"><b itemprop="name">Ann Lee</b> 5 stories</div>',
            ("Ann Lee",),
        ),
        (
            "<i><a rel=author>Ann Lee</a> & <a rel=author>Bo Ek</a></i>",
            ("Ann Lee", "Bo Ek"),
        ),
        ('<p class="byline">著者：山田太郎</p>', ("山田太郎",)),  # noqa: RUF001
        (
            '<p class="byline"><i>By</i> <a href=/x>Ann Lee</a>Staff Writer</p>',
            ("Ann Lee",),
        ),
        ("<p><i>By</i> <a href=/x>Ann Lee</a></p>", ("Ann Lee",)),
        (
            "<div class=byline><p>By <b>Ann Lee</b></p><p>Harbour Post</p></div>",
            ("Ann Lee",),
        ),
        ("<footer><a rel=author href=/a>Ann Lee</a></footer>", ("Ann Lee",)),
        ("<p class=author>Ann Lee 著、Bo Ek 監訳</p>", ("Ann Lee", "Bo Ek")),
        (
            '<div class="newsletter"><p class="byline">By Ann Lee</p></div>',
            ("Ann Lee",),
        ),
        ('<p class="byline">By The Daily Buoy</p>', ()),
        ('<p class="byline">By our own correspondent</p>', ()),
        ('<p class="byline">Share this story</p>', ()),
        ('<p class="byline">8 min read</p>', ()),
        ("<figure><figcaption class=byline>By Ann Lee</figcaption></figure>", ()),
        ('<div class="related"><p class="byline">By Ann Lee</p></div>', ()),
        ("<p>By the time that Ann Lee came, the light was out.</p>", ()),
    ],
)
def test_a_byline_near_the_headline_names_the_authors(
    byline: str, expected: tuple[str, ...]
) -> None:
    site = meta(og__site_name="The Daily Buoy")
    body = f"<h1>Lighthouse will shine again</h1>{byline}{TEXT}"

    result = page(html(site, body))

    assert result.authors == expected
    assert result.origins.get("authors") == ("byline" if expected else None)


@pytest.mark.parametrize(
    "said", ["annlee", "Buoy Media Inc.", "The Daily Buoy Staff", "Redaktion Boje"]
)
def test_who_is_no_person_signs_only_where_no_person_does(said: str) -> None:
    head = meta(author=said)
    byline = "<p class=byline>By Ann Lee</p>"

    assert page(html(head, f"{ARTICLE}<p>Posted by {said}</p>")).authors == (said,)
    assert page(html(head, f"{byline}{ARTICLE}")).authors == ("Ann Lee",)
    assert page(html(head + meta(byl="By Ann Lee"))).authors == ("Ann Lee",)


@pytest.mark.parametrize(
    "account", ["annlee", "buoy_web", "WBUOY", "webmaster", "Administrator", "Josh"]
)
def test_an_account_that_readers_do_not_see_is_no_author(account: str) -> None:
    head = meta(author=account)

    assert page(html(head)).authors == ()
    # A page that shows nothing yet, and is filled by scripts, has but its word.
    unfilled = page(html(head, "<div id=app></div>"))
    assert bool(unfilled.authors) == (account not in {"webmaster", "Administrator"})


def test_who_is_shown_wrote_it_rather_than_who_is_declared_alone() -> None:
    head = meta(author="Bo Ek")
    byline = f"<h1>Lighthouse will shine again</h1><p>By Ann Lee</p>{TEXT}"

    assert page(html(head)).authors == ("Bo Ek",)
    assert page(html(head, byline)).authors == ("Ann Lee",)
    assert page(html(head, f"{byline}<p>Bo Ek helped.</p>")).authors == ("Bo Ek",)
    assert page(html(head + meta(byl="Ann Lee"), byline)).origins["authors"] == "byl"
    assert page(html(meta(author="山田 太郎"), f"{ARTICLE}文山田太郎")).authors == (
        "山田 太郎",
    )


@pytest.mark.parametrize(
    "line",
    [
        # Staffs and the site itself
        "<p class=byline>By Harbour News Agency</p>",
        "<p class=byline>Harbour wire services</p>",
        "<p class=byline>By Staff Reports</p>",
        "<p class=byline>The Daily Buoy</p>",
        "<p>By The Editorial Board</p>",
        "<p class=byline>Our Newsroom Team</p>",
        # Accounts and handles
        "<p class=author>by <a rel=author href=/author/1>admin</a></p>",
        "<p>Posted by <a class=fn href=/author/web>buoyadmin</a></p>",
        '<a class="author" href="https://twitter.com/dailybuoy">@dailybuoy</a>',
        "<p class=author>desk@buoy.example</p>",
        # Navigation and buttons
        "<nav><a rel=author href=/authors/>Our Authors</a></nav>",
        '<div class="author-links"><a href=/p>Privacy Policy</a></div>',
        '<div class="byline-tools">Share This Story</div>',
        '<div class="author-box">Follow Us On Facebook</div>',
        '<p class="byline">Breaking News</p>',
        '<p class="writer-nav"><a href=/author/all>All Authors</a></p>',
        '<p class="byline">Terms of Service</p>',
        # What stands where bylines stand
        '<p class="byline">Monday, 23 November 2026</p>',
        '<p class="byline">5 Min Read</p>',
        '<p class="byline">Photo: Ann Lee</p>',
        '<p class="byline">Updated 10:30 PM EST</p>',
        '<p class="byline"><time>2 hours ago</time></p>',
    ],
)
def test_where_nobody_is_named_nobody_is_the_author(line: str) -> None:
    site = meta(og__site_name="The Daily Buoy", twitter__creator="@dailybuoy")
    body = f"<h1>Lighthouse will shine again</h1>{line}{TEXT}"

    assert page(html(site, body)).authors == ()


@pytest.mark.parametrize(
    "line",
    [
        "<p>Publicado por: Ann Lee - Categoria: Porto</p>",
        "<p>Текст: Венера Ерофеева</p>",
    ],
)
def test_bylines_begin_with_by_in_other_languages(line: str) -> None:
    body = f"<h1>Lighthouse will shine again</h1>{line}{TEXT}"

    assert len(page(html(body=body)).authors) == 1


def test_whose_account_posted_it_is_asked_last() -> None:
    head = meta(twitter__label1="Written by", twitter__data1="Bo Ek")

    assert page(html(head)).authors == ("Bo Ek",)
    assert page(html(head, f"<p>By Ann Lee</p>{ARTICLE}")).authors == ("Bo Ek",)
    assert page(
        html(head, f"<h1>Lighthouse will shine again</h1><p>By Ann Lee</p>{TEXT}")
    ).authors == ("Ann Lee",)


@pytest.mark.parametrize(
    "said",
    [
        meta(byline="Ann Lee | ann.lee@news.example"),
        meta(og__article__author="Ann Lee"),
        "<span itemprop=author><meta itemprop=name content='Ann Lee'></span>",
    ],
)
def test_authors_are_declared_in_many_ways(said: str) -> None:
    assert page(html(body=f"{said}{ARTICLE}")).authors == ("Ann Lee",)


def test_bylines_of_other_articles_are_no_authors() -> None:
    others = "".join(
        f"<div><h3>Story {n}</h3><a rel=author href=/{n}>Ann Lee {name}</a></div>"
        for n, name in enumerate(["Ek", "Day", "Fox"])
    )

    assert page(html(body=f"{ARTICLE}{'<hr>' * 100}{others}")).authors == ()


def test_catalogue_names_are_turned_where_the_page_shows_them_so() -> None:
    head = meta(author="Lee, Ann")

    assert page(html(head)).authors == ("Lee, Ann",)
    assert page(html(head, f"{ARTICLE}<p>Ann Lee is our editor</p>")).authors == (
        "Ann Lee",
    )


def test_the_owner_of_the_copyright_is_no_author() -> None:
    assert page(html(meta(author="Buoy Media", copyright="Buoy Media"))).authors == ()


def test_authors_are_found_by_their_id_in_the_graph() -> None:
    graph = [
        {"@type": "NewsArticle", "author": {"@id": "#ann"}, "headline": "H"},
        {"@type": "Person", "@id": "#ann", "name": "Ann Lee"},
    ]
    script = json.dumps({"@context": "https://schema.org", "@graph": graph})

    result = page(html(f'<script type="application/ld+json">{script}</script>'))

    assert result.authors == ("Ann Lee",)
    assert result.origins["authors"] == "json-ld author"


def test_of_several_articles_in_linked_data_the_page_s_own_counts() -> None:
    nodes = [
        {
            "@type": "NewsArticle",
            "url": "https://x.example/",
            "author": "Bo Ek",
        },
        {"@type": "NewsArticle", "url": URL + "?x=1", "author": "Ann Lee"},
    ]

    result = page(
        html(f'<script type="application/ld+json">{json.dumps(nodes)}</script>')
    )

    assert result.authors == ("Ann Lee",)


def test_each_value_tells_where_it_was_said() -> None:
    head = meta(
        og__image="/a.jpg", article__published_time="2026-11-23", og__site_name="Buoy"
    )

    assert page(html(head)).origins == {
        "title": "h1",
        "published_at": "article:published_time",
        "language": "lang",
        "site_name": "og:site_name",
        "lead_image_url": "og:image",
    }


def test_what_is_later_than_the_fetch_is_no_date() -> None:
    head = meta(article__published_time="2026-11-25T12:00:00Z", date="2026-11-20")
    fetched_at = datetime(2026, 11, 23, 9, tzinfo=UTC)

    known = read_page(html(head).encode(), URL, fetched_at=fetched_at)

    assert isinstance(known, Page)
    assert known.published_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert page(html(head)).published_at == datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("modified", "expected"),
    [
        ("2026-11-24T08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-23T08:00:00Z", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-22T08:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
    ],
)
def test_nothing_is_modified_before_it_is_published(
    modified: str, expected: datetime | None
) -> None:
    result = linked(datePublished="2026-11-23T08:00:00Z", dateModified=modified)

    assert result.modified_at == expected


@pytest.mark.parametrize(
    "line",
    [
        "<time>Dec. 16, 2016 4:21 PM EST</time>",
        '<p class="pub-date">Published: 16 December 2016, 21:21 GMT</p>',
        '<p class="date">2016年12月17日 06:21 JST</p>',
        '<p class="posted">2016/12/16 21:21</p>',
        "<font>Ann Lee, 2016-12-16T22:21:00+01:00</font>",
        '<time datetime="2016-12-16T21:21:00Z"></time><time datetime="2001-01-01">',
    ],
)
def test_a_moment_shown_near_the_headline_is_the_page_s(line: str) -> None:
    body = f"<h1>Lighthouse will shine again</h1>{line}{TEXT}"

    published_at = page(html(body=body)).published_at

    assert published_at == datetime(2016, 12, 16, 21, 21, tzinfo=UTC)


def test_a_moment_just_above_the_headline_is_the_page_s() -> None:
    above = "<dl class=date><dt>2024.05.01</dt><dd><a href=/x>News</a></dd></dl>"

    result = page(html(body=f"<h1>News</h1>{above}{ARTICLE}"))

    assert result.published_at == datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("path", ["2024/05/03/a", "2024/may/3/a", "2024-5-3/a"])
def test_a_moment_near_the_headline_is_of_the_day_in_the_address(path: str) -> None:
    body = "<h1>Lighthouse will shine again</h1><p>On {} a law passed</p>" + TEXT
    url = f"https://news.example/{path}"

    near = read_page(html(body=body.format("May 2, 2024 10:00")).encode(), url)
    far = read_page(html(body=body.format("May 2, 2023 10:00")).encode(), url)

    assert isinstance(near, Page)
    assert isinstance(far, Page)
    assert near.published_at == datetime(2024, 5, 2, 10, tzinfo=UTC)
    assert far.published_at in {None, datetime(2024, 5, 3, tzinfo=UTC)}


@pytest.mark.parametrize(
    "line",
    """
    4 March 2024; Mar. 4, 2024; 4. März 2024; Montag, 04.03.2024; 4 mars 2024
    4 de marzo de 2024; 4 marzo 2024; 4 de março de 2024; maandag 4 maart 2024
    4. marts 2024; 4. maaliskuuta 2024; 4 marca 2024; 4. března 2024
    2024. március 4.; 4 martie 2024; 4 Mart 2024 Pazartesi; 4 Maret 2024
    4 Μαρτίου 2024; 4 марта 2024; 4 березня 2024; 4 март 2024; 4 במרץ 2024
    4 مارس 2024; ٤ آذار ٢٠٢٤; 4 मार्च 2024; ngày 4 tháng 3 năm 2024
    2024年3月4日; 2024년 3월 4일; Posted March 4, 2024 | Updated March 9, 2024
    Publié le 4 mars 2024, modifié le 9 avril 2024
    """.replace("\n", ";").split(";"),
)
def test_days_are_read_in_many_languages(line: str) -> None:
    expected = datetime(2024, 3, 4, tzinfo=UTC) if line.strip() else None

    assert find_moment(line) == expected


@pytest.mark.parametrize(
    ("language", "line", "month"),
    [
        ("fr", "04/03/2024", 3),
        ("en-GB", "04/03/2024", 3),
        ("en-US", "03/04/2024", 3),
        ("en", "04/03/2024", None),
        ("en", "24/03/2024", 3),
        ("en", "03/24/2024", 3),
    ],
)
def test_days_with_slashes_are_read_as_the_language_has_them(
    language: str, line: str, month: int | None
) -> None:
    body = f"<h1>Lighthouse will shine again</h1><p class=when>{line}</p>{TEXT}"
    content = html(body=body).replace("en-gb", language)

    moment = page(content).published_at

    assert (moment.month if moment else None) == month


@pytest.mark.parametrize(
    "line", ["3/4/2024", "Dec 16, 2016 to Jan 2, 2017", "32 May 2016", "May", ""]
)
def test_a_line_with_no_one_meaning_is_no_moment(line: str) -> None:
    assert find_moment(line) is None


# --- links ----------------------------------------------------------------------


def links(body: str, head: str = "") -> tuple[Link, ...]:
    return page(html(head, ARTICLE + body)).links


def test_links_are_absolute_in_order_and_once() -> None:
    found = links(
        """<a href="/a">  First
        <b>link</b></a> <a href="https://other.example/b#part">Second</a>
        <a href="b.html">Third</a> <a href="/a#x">again</a>
        <a href="#top">top</a> <a href="">here</a> <a>nowhere</a>
        <a href="mailto:x@y.example">mail</a> <a href="javascript:void(0)">js</a>
        <a href="http://[bad">bad</a> <a href="story.html#comments">self</a>
        <a href="/c"><img alt="A picture" src=x></a>"""
    )

    assert found == (
        Link("https://www.news.example/a", "First link"),
        Link("https://other.example/b", "Second"),
        Link("https://www.news.example/2026/b.html", "Third"),
        Link("https://www.news.example/c", "A picture"),
    )


def test_links_are_relative_to_the_base() -> None:
    found = links("<a href=x>x</a>", '<base href="https://cdn.example/dir/">')

    assert found == (Link("https://cdn.example/dir/x", "x"),)


def test_of_many_links_the_first_are_kept() -> None:
    found = links("".join(f"<a href=/{n}>{n}</a> " for n in range(MAX_LINKS + 100)))

    assert len(found) == MAX_LINKS
    assert found[-1].anchor == str(MAX_LINKS - 1)


# --- which text, and what stands before it ------------------------------------------


def test_the_body_in_linked_data_counts_where_it_holds_more() -> None:
    body = f"{FIRST}\n{LAST}\n" + "The keeper told how it had been. " * 20
    shown = f"<h1>Light</h1><p>{FIRST}</p><p>{LAST}</p>"
    data = json.dumps({"@type": "NewsArticle", "articleBody": body})

    result = page(html(f'<script type="application/ld+json">{data}</script>', shown))

    assert result.text.startswith(f"{FIRST.strip()}\n{LAST.strip()}\nThe keeper told")


def test_a_body_of_something_else_is_passed_over() -> None:
    data = json.dumps({"@type": "NewsArticle", "articleBody": "Other words. " * 200})

    result = page(html(f'<script type="application/ld+json">{data}</script>'))

    assert "Other words" not in result.text
    assert FIRST.strip() in result.text


def test_a_text_that_the_strict_look_drops_is_found_by_the_second() -> None:
    lines = "".join(f"<p><a href=/{n}>{FIRST}{n}</a></p>" for n in range(4))

    assert "money of its own. 3" in page(html(body=f"<h1>Light</h1>{lines}")).text


@pytest.mark.parametrize(
    ("head", "body", "flags"),
    [
        (meta(article__content_tier="locked"), ARTICLE, {"paywall"}),
        (meta(article__content_tier="free"), ARTICLE, set()),
        (
            "",
            f"<p>{FIRST}</p><p>Subscribe to continue reading.</p>",
            {"paywall", "short"},
        ),
        (
            "",
            f"<p>{FIRST}</p><div class='paywall'>Subscribe to read</div>",
            {"paywall", "short"},
        ),
        ("", f"{TEXT * 3}<div class='paywall'>Subscribe to read</div>", set()),
        ("", f"{TEXT}<div class='paywall'>Read also</div>", set()),
        ("", f"{TEXT * 3}<p>Why we all accept cookies: {FIRST}</p>", set()),
        (
            "",
            "<p>We value your privacy. We and our 812 partners use cookies.</p>",
            {"consent", "short"},
        ),
        (meta(og__title="Page not found"), "<p>Sorry!</p>", {"soft_404", "short"}),
        (meta(og__title="404: how a number won"), TEXT * 3, set()),
    ],
)
def test_what_stands_before_the_article_is_flagged(
    head: str, body: str, flags: set[str]
) -> None:
    assert set(page(html(head, body, title="")).flags) == flags


@pytest.mark.parametrize("said", [False, "False", "false", "https://schema.org/False"])
def test_what_says_that_it_is_not_free_is_flagged(said: object) -> None:
    assert linked(isAccessibleForFree=said).flags == ("paywall",)
    assert linked(isAccessibleForFree=True).flags == ()


# --- words ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Don't panic: 24-hour news, 3 words", 6),
        ("— … * _", 0),
        ("日本語 news", 4),
        ("한국어 뉴스", 2),
    ],
)
def test_words_are_counted(text: str, count: int) -> None:
    assert count_words(text) == count


# --- what is no page, and hostile pages -----------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"%PDF-1.4", "is PDF, not HTML"),
        (b"\x89PNG\r\n", "is an image, not HTML"),
        (b"PK\x03\x04", "is an archive, not HTML"),
        (b'{"a": 1}', "is JSON, not HTML"),
        (b"<?xml version='1.0'?><rss></rss>", "is XML, not HTML"),
        (b"<!-- nothing -->", "holds no element"),
        (b"\0\0\0", "holds no element"),
    ],
)
def test_what_is_no_page_is_rejected_with_its_reason(
    content: bytes, reason: str
) -> None:
    rejection = read_page(content, URL)

    assert isinstance(rejection, Rejection)
    assert (rejection.stage, rejection.subject) == ("page", URL)
    assert rejection.reason == reason


@pytest.mark.parametrize(
    ("trap", "flag"),
    [
        ("<div>" * 240, None),
        ("<div>" * 300, "deep"),
        ("<div>" * 3_000, "deep"),
        ("<font>" * 60_000, "deep"),
        ("<b><i>" * 2_000, "deep"),
        ("&#1;", "scrubbed"),
        ("&#x0000b;&#xD800;&#x110000;&#9999999;", "scrubbed"),
        ("\0\x01\x0b", "scrubbed"),
        ("a" + "\u0301\u0327" * 50_000, "scrubbed"),
        ("a" + "&#x301;&#x327;" * 50_000, "scrubbed"),
        ("<p>form\ffeed &#12; &#xc;</p>", None),
        ("<![CDATA[", None),
        ("<p " + "x" * 100_000 + ">", None),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_trap_before_the_article_does_not_lose_it(
    trap: str, flag: str | None
) -> None:
    watch = Watch()

    result = page(html(body=f"{trap}<p>{FIRST}</p><p>{LAST}</p>"))

    assert LAST.strip() in result.text
    assert {"deep", "scrubbed", "truncated"} & set(result.flags) == {flag} - {None}
    assert watch.within(5)


@pytest.mark.parametrize("parted", ["&#\x0130BF;", "&\x01#1;", "&#x\0001;", "&#&#1;1;"])
def test_what_parts_a_reference_makes_none_where_it_goes(parted: str) -> None:
    """Else the text would hold a control character, or another than was meant."""
    result = page(html(body=f"{ARTICLE}<p>a{parted}b</p><p>a\u200d{parted}</p>"))

    assert LAST.strip() in result.text
    assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe]", result.text)
    assert "a&#" in result.text
    assert "scrubbed" in result.flags


def test_text_below_too_many_levels_is_kept() -> None:
    lines = [
        f"Ship {n} came into the bay late, for the light was out." for n in range(900)
    ]

    result = page(html(body="".join(f"<ul><li>{line}" for line in lines)))

    assert result.flags == ("deep",)
    assert lines[-1] in result.text
    assert sum(line in result.text for line in lines) > 700


def nested(levels: int) -> object:
    value: object = "Ann Lee"
    for _ in range(levels):
        value = {"name": [value]}
    return value


@pytest.mark.parametrize(
    "node",
    [
        {"author": nested(400)},
        {"author": [{"name": f"Ann Lee{n}"} for n in range(20_000)]},
        {"image": [[["/a.jpg"] * 100] * 100] * 20},
        {"mainEntity": [{"@type": "Article"}] * 30_000},
        {"headline": "A" * 900_000},
        {"articleBody": "<p>" * 200_000},
        {"datePublished": "9" * 500_000},
        {"keywords": "x" * 3_000_000},
        {"@id": "#a", "author": {"@id": "#a"}, "name": {"@id": "#a"}},
    ],
    ids=lambda node: next(iter(node)),
)
def test_a_bomb_of_linked_data_does_not_lose_the_page(node: dict[str, object]) -> None:
    watch = Watch()

    result = linked(**node)

    assert LAST.strip() in result.text
    assert len(result.authors) <= 20
    assert watch.within(5)


@pytest.mark.parametrize(
    "hostile",
    [
        "<plaintext>",
        "<table><tr><td>" * 2_000,
        "<a href=/x>" * 100_000,
        '<p class="byline author">By ' * 20_000,
        "<h1>Light" * 20_000,
        "<time datetime=x class=date>" * 20_000,
        "<div itemprop=author><a rel=author>" * 5_000,
        "<select><option>" * 20_000,
        "<svg><title>" * 5_000,
        f"<i {' ' * 2_000_000}>",
        f"<b {'/ ' * 1_000_000}>",
        "<u a='b\" c=" * 200_000,
    ],
    ids=lambda value: value[:12],
)
def test_hostile_markup_behind_the_article_ends_in_a_page(hostile: str) -> None:
    watch = Watch()

    result = page(html(body=f"{ARTICLE}{hostile}"))

    assert FIRST.strip() in result.text
    assert watch.within(10)


@pytest.mark.parametrize(
    "hostile",
    [
        '<p class="byline">By Ann Lee</p>' * 20_000,
        "<div itemprop=author><b itemprop=name content=a></b></div>" * 12_000,
        "".join(
            f"<p>{n} and a sentence of words {'more ' * 20}</p>" for n in range(9_000)
        ),
        "<p>A sentence that is not long at all.</p>" * 25_000,
        "<div class=card><a href=/x>Of another story of words</a></div>" * 9_000,
        f"<div>{'<a href=/author/x>By Ann Lee</a>, ' * 20_000}</div>",
        f"<div>{'A line of some words.<br>' * 20_000}</div>",
    ],
    ids=lambda value: value[:24],
)
def test_what_is_repeated_without_end_takes_time_by_its_length(hostile: str) -> None:
    """A quarter of it takes a quarter of the time, or nearly; not a sixteenth."""
    spent = []
    for part in (hostile[: len(hostile) // 4], hostile):
        started = time.process_time()
        result = page(html(body=f"{ARTICLE}{part}"))
        spent.append(time.process_time() - started)
        assert FIRST.strip() in result.text

    assert spent[1] < 10 * spent[0] + 1
    assert spent[1] < 10


@pytest.mark.parametrize(
    "repeated",
    [
        '<meta property="og:title" content="Title | {} | a">',
        '<meta name="author" content="Ann Lee{}">',
        '<meta property="article:published_time" content="on day {}">',
        '<link rel="canonical" href="http://[{}">',
        '<script type="application/ld+json">{{"@type": "Article", "id": {}}}</script>',
    ],
    ids=lambda value: value[:24],
)
def test_what_is_declared_without_end_takes_no_time(repeated: str) -> None:
    declared = "".join(map(repeated.format, range(20_000)))
    watch = Watch()

    result = page(html(head=declared))

    assert FIRST.strip() in result.text
    assert watch.within(5)


def test_one_line_of_names_without_end_is_cut() -> None:
    watch = Watch()

    result = page(html(head=meta(author="Ann Lee, " * 300_000)))

    assert result.authors == ("Ann Lee",)
    assert watch.within(2)


@pytest.mark.parametrize("tag", ["<a href=/x>", "<tr><td>x", "<img src=a>"])
def test_unclosed_tags_by_the_million_are_cut_not_lost(tag: str) -> None:
    result = page(html(body=f"{ARTICLE}{tag * (4_500_000 // len(tag))}"))

    assert FIRST.strip() in result.text
    assert result.flags == ("truncated",)


@pytest.mark.parametrize(("first", "last"), [("", "b"), ("<hr>", "p")])
def test_elements_are_cut_where_they_are_too_many(first: str, last: str) -> None:
    rest = "<p><b>a</b>b</p>c" * (MAX_ELEMENTS // 2)

    tree, flags = parse_html(f"<body>{first}{rest}")

    elements = list(tree.iter())
    assert len(elements) == MAX_ELEMENTS
    assert elements[-1].tag == last
    assert flags == ("truncated",)


def test_elements_are_kept_where_they_are_as_many_as_may_be() -> None:
    tree, flags = parse_html("<body>" + "<p>a" * (MAX_ELEMENTS - 2))

    assert len(tree.findall("body/p")) == MAX_ELEMENTS - 2
    assert flags == ()


def test_hundreds_of_thousands_of_attributes_are_cut_not_waited_for() -> None:
    names = " ".join(f'a{n}="b"' for n in range(400_000))
    watch = Watch()

    result = page(html(body=f"{ARTICLE}<div {names} class='z'>Behind.</div>"))

    assert FIRST.strip() in result.text
    assert result.flags == ("truncated",)
    assert watch.within(5)


def test_a_long_address_and_many_short_ones_lose_no_attribute() -> None:
    picture = f'<img alt="" src="data:image/png;base64,{"A" * 100_000}" id=last>'
    styled = f"<p {' '.join(f'data-{n}={n}' for n in range(400))} {' ' * 4_000} id=end>"

    tree, flags = parse_html(f"<body>{picture}{styled}")

    assert tree.xpath("//@id") == ["last", "end"]
    assert flags == ()


def test_headings_without_end_are_read_as_paragraphs() -> None:
    headings = "".join(f"<h2>Lighthouse {n}</h2>" for n in range(170_000))
    watch = Watch()

    result = page(html(body=f"{ARTICLE}{headings}"))

    assert FIRST.strip() in result.text
    assert result.flags == ("truncated",)
    assert watch.within(5)
    tree, _ = parse_html(f"<body>{headings}")
    assert len(tree.findall(".//h2")) == MAX_HEADINGS
    assert "Lighthouse 2500" in tree.text_content()


def test_meta_elements_without_end_are_read_in_time() -> None:
    metas = "".join(f'<meta name="k{n}" content="v{n}">' for n in range(120_000))
    watch = Watch()

    result = page(html(head=meta(author="Ann Lee") + metas))

    assert result.authors == ("Ann Lee",)
    assert result.flags == ("truncated", "short")
    assert watch.within(5)


def test_much_code_is_not_taken_for_many_elements() -> None:
    script = f"<script>{'if (a<b) ' * 100_000}</script>"

    assert page(html(body=f"{ARTICLE}{script}")).flags == ()


def test_links_below_too_many_levels_are_found() -> None:
    assert links("<div>" * 1_000 + "<a href=/deep>deep</a>") == (
        Link("https://www.news.example/deep", "deep"),
    )


def test_a_line_of_twenty_megabytes_is_cut_not_lost() -> None:
    result = page(html(body=f"{ARTICLE}<p>{'word ' * 4_000_000}</p>"))

    assert FIRST.strip() in result.text
    assert "truncated" in result.flags


def test_a_long_table_is_read_in_time() -> None:
    rows = "".join(f"<tr><td>Row {n}</td><td>{n * n}</td></tr>" for n in range(8_000))
    watch = Watch()

    result = page(html(body=f"{ARTICLE}<table>{rows}</table>"))

    assert "Row 7999" in result.text
    assert watch.within(10)


@pytest.mark.parametrize(
    ("row", "others"),
    [
        ("", "<td rowspan=65534 colspan=1000>"),
        ("", "<td colspan=99>"),
        (f"<tr>{'<td>Mole</td>' * 2_000}</tr>", "<td>"),
    ],
)
def test_a_table_that_is_far_wider_than_its_rows_is_read_once_and_in_time(
    row: str, others: str
) -> None:
    rows = "".join(f"<tr>{others}Harbour {n}</td></tr>" for n in range(2_000))
    watch = Watch()

    result = page(html(body=f"{ARTICLE}<table>{row}{rows}</table>"))

    assert result.text.count("Harbour 1999") == 1
    assert watch.within(10)
    tree, _ = parse_html("<table><tr><td colspan=30>Harbour</td></tr></table>")
    assert tree.xpath("//table/tr/td/@colspan") == ["30"]


def test_no_bytes_raise() -> None:
    whole = html(meta(og__title="T", author="A")).encode()
    for step in range(0, len(whole), 37):
        assert read_page(whole[step:], URL)
        assert read_page(whole[:step] + b"\xff\xfe\0<" + whole[step:], URL)


@pytest.mark.parametrize("url", ["", "not a url", "https://[", "data:,x"])
def test_a_bad_address_of_the_page_only_costs_the_relative_links(url: str) -> None:
    raw = html(body=f"{ARTICLE}<a href=/a>a</a><a href=https://b.example/>b</a>")

    result = read_page(raw.encode(), url)

    assert isinstance(result, Page)
    assert result.links == (Link("https://b.example/", "b"),)


def test_a_page_passes_through_the_sandbox_unchanged() -> None:
    content = html().encode()

    answers = run_sandboxed(
        partial(read_page, url=URL),
        [content, b""],
        seconds=20,
        memory_bytes=2_000_000_000,
        workers=1,
    )

    assert list(answers) == [read_page(content, URL), read_page(b"", URL)]


def test_a_page_that_needs_too_much_memory_is_named_so() -> None:
    content = html(body=f"<p>{'Words of it all. ' * 280_000}").encode()

    (outcome,) = run_sandboxed(
        partial(read_page, url=URL),
        [content],
        seconds=20,
        memory_bytes=130_000_000,
        workers=1,
    )

    assert isinstance(outcome, Failure | Rejection)
    assert outcome.reason in {
        "needs more memory than there is", "needed more than 130 MB",
    }  # fmt: skip


def test_real_pages_are_read() -> None:
    folder = SHARED / "sets/html/zyte"
    if not folder.is_dir():
        pytest.skip("the set of real pages is not on this machine")
    for line in (folder / "gold.jsonl").read_text().splitlines()[:20]:
        row = json.loads(line)
        assert isinstance(
            read_page((folder / row["file"]).read_bytes(), row["url"]), Page
        )
