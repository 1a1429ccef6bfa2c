"""Who wrote a page, and who only looks like it: each rule by a page that needs it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.models import Page
from tasks.pages import read_page

URL = "https://www.buoy.example/2026/harbour"
TITLE = "Council agrees on a plan for the harbour"
TEXT = f"<p>{'The council met on Monday, and by noon it had agreed. ' * 6}</p>" * 3
SITE = '<meta property="og:site_name" content="The Daily Buoy">'
CARD = (
    "<div><b><a href=/2>Boat race is won again</a></b><div><div><div>"
    "<i class=author>Bo Ek</i></div></div></div></div>"
)
FAR = f"<p>{'One more word about the plan. ' * 9}</p>" * 90


def authors(
    *, head: str = "", byline: str = "", inside: str = "", after: str = ""
) -> tuple[str, ...]:
    """Return the authors of an article with a *byline*, and what comes *after* it."""
    html = (
        f"<html lang=en><head><title>{TITLE}</title>{SITE}{head}</head><body>"
        f"<header><a href=/>The Daily Buoy</a></header><article><h1>{TITLE}</h1>"
        f"{byline}{TEXT}{inside}</article>{after}</body></html>"
    )
    page = read_page(html.encode(), URL)
    assert isinstance(page, Page)
    return page.authors


def linked(author: Any, **more: Any) -> str:
    """Return JSON-LD of an article by *author*."""
    data = {"@type": "NewsArticle", "headline": TITLE, "author": author, **more}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


NOBODY = [
    "Staff Writer",
    "Editorial Team",
    "The Editorial Board",
    "Guest Author",
    "Super User",
    "Web Desk",
    "Our Correspondent",
    "Special Correspondent",
    "Staff Report",
    "Press Release",
    "Die Redaktion",
    "La rédaction",
    "Da Redação",
    "Haber Merkezi",
    "Редакция",
    "編集部",
]


@pytest.mark.parametrize("name", NOBODY)
def test_words_that_name_nobody_are_no_author_wherever_they_stand(name: str) -> None:
    assert authors(head=linked({"@type": "Person", "name": name})) == ()
    assert authors(head=f'<meta name="author" content="{name}">') == ()
    assert authors(byline=f'<p class="byline">By {name}</p>') == ()
    assert authors(byline=f'<a rel="author" href="/author/x">{name}</a>') == ()


@pytest.mark.parametrize("name", ["AOL Staff", "Ann Editor-Lee", "Will Page"])
def test_a_name_with_such_a_word_in_it_is_still_one(name: str) -> None:
    byline = f'<p class="byline">By <a rel="author" href="/author/x">{name}</a></p>'

    assert authors(byline=byline) == (name,)


@pytest.mark.parametrize(
    "byline",
    [
        '<p class="byline">By Reuters</p>',
        '<p>By <a rel="author" href="/author/ap">Associated Press</a></p>',
        '<a rel="author" href="/author/afp">AFP</a>',
        '<p class="byline">By <b>JERUSALEM BUOY STAFF</b></p>',
        '<a rel="author" href="/author/t">Smart Shopping Team</a>',
    ],
)
def test_an_agency_or_a_named_staff_signs_where_no_person_does(byline: str) -> None:
    (found,) = authors(byline=byline)

    assert found in byline
    assert authors(byline=f'<p class="byline">By Ann Lee, {found}</p>') == ("Ann Lee",)


def test_an_agency_beside_a_person_is_whom_that_person_writes_for() -> None:
    agency = {"@type": "Organization", "name": "Associated Press"}

    assert authors(head=linked(agency), inside="<p>Associated Press</p>") == (
        "Associated Press",
    )
    assert authors(head=linked([{"name": "Ann Lee"}, agency])) == ("Ann Lee",)


@pytest.mark.parametrize(
    "said",
    [
        "Ann Lee | The Daily Buoy",
        "Ann Lee - The Daily Buoy",
        "Ann Lee. The Daily Buoy",
        "Ann Lee (The Daily Buoy)",
        "Ann Lee for The Daily Buoy",
        "Ann Lee @annlee",
        "Ann Lee Staff Writer",
        "Ann Lee Senior Political Correspondent",
        "Ann Lee Associated Press",
        "Ann Lee, Special to The Harbour Post",
        "Ann Lee For Harbour Online",
        "Ann Lee in London",
        "Ann Lee, The Conversation",
        "Ann Lee, HARBOUR TODAY",
        "Ann Lee, Evening Gazette",
        "Ann Lee, Associate Professor of Law, University of Tarn",
        "Ann Lee, with additional reporting by Bo Ek",
        "Ann Lee and agencies",
        "Ann Lee avec AFP",
        "Ann Lee Health and science editor",
        "Ann Lee Published: 12:00, 1 January 2020",
        "Ann Lee Updated 3:45 PM ET, Mon March 4, 2019",
        "Posted by Ann Lee on March 3, 2020",
        "Ann Lee MARCH 4, 2019",
        "Ann Lee 4 hours ago",
        "Ann Lee Follow @annlee",
        "Ann Lee View Profile",
        "Ann Lee Bio",
        "Ann Lee,",
        "Ann Lee.",
        "Perspective by Ann Lee",
        "Interview by Ann Lee",
        "View all posts by Ann Lee",
    ],
)
def test_what_follows_a_name_is_no_part_of_it(said: str) -> None:
    assert authors(head=f'<meta name="author" content="{said}">') == ("Ann Lee",)


@pytest.mark.parametrize(
    ("byline", "expected"),
    [
        ("By ANN LEE Associated Press", ("ANN LEE",)),
        ("By Ann Lee<br>Senior Political Editor, The Daily Buoy", ("Ann Lee",)),
        ("<b>Ann Lee</b><i>Crime Reporter</i>", ("Ann Lee",)),
        ("By Ann Lee with Bo Ek", ("Ann Lee", "Bo Ek")),
        ("By Ann Lee in Rome and Bo Ek in New Oslo", ("Ann Lee", "Bo Ek")),
        ("By Ann Lee in Los Angeles, New Mexico", ("Ann Lee",)),
        ("By Ann Lee For Harbour Online", ("Ann Lee",)),
        ("Ann Lee for The Harbour Post", ("Ann Lee",)),
        ("Ann Lee, Chief Political Correspondent", ("Ann Lee",)),
        ("By ANN LEE MARCH 4, 2019", ("ANN LEE",)),
        ("Par Ann Lee avec AFP", ("Ann Lee",)),
        ("Ann Lee View Profile", ("Ann Lee",)),
        ("Perspective by Ann Lee", ("Ann Lee",)),
        ("By Ann Lee.", ("Ann Lee",)),
        ("By Ken Day, Jr.", ("Ken Day, Jr.",)),
        ("By Ken Day Jr.", ("Ken Day Jr.",)),
        ("By Ken D.", ("Ken D.",)),
        ("By Ann Forster and Bo Maye", ("Ann Forster", "Bo Maye")),
        ("By Evening Post Reporter", ()),
    ],
)
def test_a_byline_is_cut_into_its_names(byline: str, expected: tuple[str, ...]) -> None:
    assert authors(byline=f'<p class="byline">{byline}</p>') == expected


def test_names_in_several_places_are_several_people() -> None:
    said = "Ann Lee in Rome, Bo Ek in New Oslo and Cy Day in Bonn"

    assert authors(head=linked(said)) == ("Ann Lee", "Bo Ek", "Cy Day")


def test_an_agency_that_only_the_code_of_the_page_names_signs() -> None:
    assert authors(head=linked("AFP")) == ("AFP",)
    assert authors(head=linked("WBUOY")) == ()


def test_names_with_a_slash_between_are_two_people() -> None:
    assert authors(head=linked("Ann Lee / Bo Ek")) == ("Ann Lee", "Bo Ek")


@pytest.mark.parametrize(
    "line",
    [
        "By Popular Demand",
        "By Land or Sea",
        "By Monday Night",
        "New York, Jan. 2, 2026",
        "San Francisco",
    ],
)
def test_phrases_and_places_of_datelines_are_nobody(line: str) -> None:
    assert authors(byline=f'<p class="byline">{line}</p>') == ()


@pytest.mark.parametrize(
    "after",
    [
        "<h4>Our columnists</h4><ul><li><a href=/author/bo>Bo Ek</a></ul>",
        "<h4>Featured author</h4><a href=/author/bo>Bo Ek</a>",
        '<p>Editor: <a href="/staff/bo">Bo Ek</a></p>',
        '<p>Theme by <a rel="author" href="https://themes.example/">Bo Ek</a></p>',
        CARD,
    ],
)
@pytest.mark.parametrize("distance", ["", FAR], ids=["soon", "far"])
def test_what_comes_after_the_article_signs_something_else(
    distance: str, after: str
) -> None:
    assert authors(after=distance + after) == ()


@pytest.mark.parametrize(
    "inside",
    [
        "<p>The mayor <a href=/profile/bo>Bo Ek</a> said no.</p>",
        "<p>Our letter, written each day: <a href=/author/bo>Bo Ek</a>.</p>",
        '<div class="testimonial">Fine! <i class="author">Bo Ek</i></div>',
        '<div class="responses"><i class="author">Bo Ek</i> wrote: Fine!</div>',
        '<section class="discussion"><i class="author">Bo Ek</i>: Fine!</section>',
        '<div class="reply"><i class="author">Bo Ek</i>: Fine!</div>',
    ],
)
def test_who_is_told_of_or_answers_did_not_write_it(inside: str) -> None:
    assert authors(inside=inside) == ()
    signed = "<p>Written by <a href=/author/ann>Ann Lee</a></p>"
    assert authors(inside=signed) == ("Ann Lee",)


def test_an_organisation_signs_only_where_readers_see_it() -> None:
    windle = {"@type": "Organization", "name": "Windle Print Group"}
    seen = "<p>Windle Print Group</p>"

    assert authors(head=linked(windle)) == ()
    assert authors(head=linked(windle), after=seen) == ("Windle Print Group",)
    built = '<meta name="author" content="Windle Print GmbH">'
    assert authors(head=built, after=seen) == ()
    assert authors(head=linked({"@type": "Person", "name": "Bo Ek"})) == ("Bo Ek",)


def test_an_organisation_whose_home_is_the_site_s_is_the_site() -> None:
    owner = {"@type": "Organization", "name": "Windle Print"}
    seen = "<p>Windle Print</p>"

    assert authors(
        head=linked({**owner, "url": "https://buoy.example/"}), after=seen
    ) == ()  # fmt: skip
    assert authors(
        head=linked({**owner, "url": "https://windle.example/"}), after=seen
    ) == ("Windle Print",)


def test_linked_data_of_another_story_tells_nothing_of_this_one() -> None:
    told = {
        "url": "https://www.buoy.example/2026/race",
        "datePublished": "2026-01-02",
        "image": "/race.jpg",
    }
    other = linked("Bo Ek", **{**told, "headline": "Boat race won by Windle again"})

    html = f"<title>{TITLE}</title>{other}<h1>{TITLE}</h1>{TEXT}"
    page = read_page(html.encode(), URL)

    assert isinstance(page, Page)
    assert (page.authors, page.published_at, page.lead_image_url) == ((), None, None)
    # Of the same headline, or of no other address, it is this story.
    assert authors(head=linked("Bo Ek", **told)) == ("Bo Ek",)
    assert authors(head=linked("Bo Ek", headline="Plan")) == ("Bo Ek",)
