"""Pages of status 200 that are no article are known by what they say, and no others."""

from __future__ import annotations

import pytest

from tasks.web.soft_errors import HEAD_BYTES, find_soft_error
from tests.pace import Watch

ASKED = "https://news.example/2020/06/bees-return-to-the-city"
HTML = "text/html; charset=utf-8"
FORM = '<form><input type="password" name="p"></form>'


def page(title: str, heading: str = "", rest: str = "", size: int = 0) -> bytes:
    """Return a page of at least *size* bytes."""
    filler = "<p>Words and words.</p>" * (size // 23 + 1)
    top = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>"
    return f"{top}<h1>{heading}</h1>{rest}{filler}</body></html>".encode()


def outcome(body: bytes, answered: str = ASKED, asked: str = ASKED) -> str:
    """Return what the page is taken for; empty for an article."""
    found = find_soft_error(asked, answered, body, HTML)
    return found.outcome if found else ""


ARTICLE = page("Bees return to the city | News Example", "Bees return to the city")

MISSING = [
    "Page not found",
    "404",
    "Error 404 (Not Found)!!1",
    "404 - Page Not Found | News Example",
    "News Example &ndash; Seite nicht gefunden",
    "Oops! That page can&rsquo;t be found.",
    "Sorry, the page you are looking for doesn&#39;t exist",
    "Page introuvable • Le Journal d'Exemple",
    "Página no encontrada :: El Diario",
    "Pagina non trovata",
    "Página não encontrada - Jornal",
    "Pagina niet gevonden",
    "Nie znaleziono strony",
    "Страница не найдена — Новости",
    "Sidan hittades inte",
    "Sayfa bulunamad\u0131",
    "ページが見つかりませんでした",
    "页面不存在",
    "페이지를 찾을 수 없습니다.",
    "الصفحة غير موجودة",
    "news.example is parked | domain for sale",
    "Account Suspended",
    "Welcome to nginx!",
]


@pytest.mark.parametrize("title", MISSING)
def test_a_title_that_says_that_there_is_nothing_makes_a_soft_404(title: str) -> None:
    assert outcome(page(title, size=30_000)) == "http_error"


WALLS = [
    page("Just a moment..."),
    page("Attention Required! | Cloudflare"),
    page("Are you a robot? - News Example"),
    page("Access to this page has been denied."),
    page("Before you continue"),
    page("DPG Media Privacy Gate"),
    page("Log in | News Example", rest=FORM),
    page("Anmelden", rest=FORM),
    page("We value your privacy"),
    page("Privacy settings - News Example"),
    page("Subscribe to read | News Example"),
    page("Error establishing a database connection"),
    page("503 Service Temporarily Unavailable"),
    page("Content is not available in your region | News"),
    page("news.example", rest="<script>window._cf_chl_opt={a:1}</script>"),
    page("news.example", rest='<script src="//ct.captcha-delivery.com/c.js">'),
]


@pytest.mark.parametrize("body", WALLS)
def test_a_wall_or_challenge_is_no_article(body: bytes) -> None:
    assert outcome(body) == "bad_response"


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf\n", b"\0" * 9_000])
def test_what_is_empty_is_no_article(body: bytes) -> None:
    """So that AMP and the archive are asked for the page."""
    assert outcome(body) == "bad_response"


def bare(*boxes: str) -> bytes:
    """Return a page of menus, *boxes* and a script that mentions everything."""
    menu = "<nav><ul><li><a href=/>Home</a><li><a href=/w>World</a></ul></nav>"
    script = "<script>var t = '<h1>This is a headline of five words</h1>'</script>"
    body = "".join(boxes)
    return f"<title>News Example</title>{script}{menu}{body}<p>© News".encode()


@pytest.mark.parametrize(
    "box",
    [
        "<h1>Oops!</h1><p>The page you requested could not be found.</p>",
        "<h1>News Example</h1><h2>Page not found</h2>",
        "<p>Sorry, the page you&nbsp;are <b>looking for</b> could not be found.",
        "<div>This article is no longer available</div>",
        "<h2 class=x>Die Seite konnte leider nicht gefunden werden</h2>",
        "<h3>Page introuvable</h3>",
        "<h1>Buy this domain</h1>",
    ],
)
def test_where_little_else_is_shown_any_box_can_say_that_there_is_nothing(
    box: str,
) -> None:
    assert outcome(bare(box)) == "http_error"


@pytest.mark.parametrize(
    "box",
    [
        "<h1>We value your privacy</h1><p>We and our partners…<button>Agree",
        "<h2>Your privacy choices</h2>" + "<li>Cookies of our partners.</li>" * 60,
        "<p>This content is not available in your region.</p>",
        "<h1>451: Unavailable due to legal reasons</h1>",
        "<h2>Our European visitors are important to us.</h2>",
        "<h1>Error establishing a database connection</h1>",
    ],
)
def test_where_little_else_is_shown_any_box_can_be_a_wall(box: str) -> None:
    assert outcome(bare(box)) == "bad_response"


HEADLINE = "<h1>Bees return to the city</h1>"


@pytest.mark.parametrize(
    "boxes",
    [
        ("<h2>We value your privacy</h2>", HEADLINE),
        (HEADLINE, "<p>This content is not available in your region.</p>"),
        ("<h2>Page not found</h2>", "<p>Words.</p>" * 30),
        ("<h2>Page not found</h2>", "<br>Words and more words." * 150),
        ("<p>Page not found</p>",),
        ("<p>He said: the page you requested could not be found.</p>",),
        ("<meta property=og:type content=article>", "<h2>Page not found</h2>"),
        ("<style><h2>Page not found</h2></style>",),
        (
            "<h2>We value your privacy</h2>",
            "<meta itemprop=datePublished content=2020-06-11><h1>Bees</h1>",
        ),
    ],
)
def test_a_box_beside_an_article_is_not_all_that_is_said(
    boxes: tuple[str, ...],
) -> None:
    assert outcome(bare(*boxes)) == ""


def test_a_heading_alone_can_say_that_there_is_nothing() -> None:
    assert outcome(page("News Example", "<span>Page</span> not found")) == "http_error"


@pytest.mark.parametrize(
    "rest",
    [
        "<html data-adblockkey=MFwwDQ>",
        '<script src="https://img.sedoparking.com/a.js"></script>',
        '<script>window.onload=function(){location.href="/lander"}</script>',
        '<meta name="prerender-status-code" content="404">',
    ],
)
def test_marks_of_a_small_page_tell(rest: str) -> None:
    assert outcome(page("news.example", rest=rest)) == "http_error"
    # A long page with the same mark is a newspaper's.
    assert outcome(page("news.example", rest=rest, size=30_000)) == ""


ARTICLES = [
    ARTICLE,
    page("404 Not Found: how three digits became a joke"),
    page("Page not found: the lost art of the error page", "Page not found"),
    page("Page not found &ndash; what error pages tell about the papers that lost us"),
    page("The page that could not be found | News Example"),
    page("Missing page of the Torah scroll turns up in Leeds"),
    page("Route 404 reopens"),
    page("Just a moment: a poem"),
    page("Just a moment of silence | News Example"),
    page("Access denied to the beach for the third summer"),
    page("How parking domains earn money", rest="<p>Ask sedo.com.</p>"),
    page("Sign in", "The sign in the window"),
    page("Login of the year"),
    page("", ""),
    b"<title>",
    b"<title>Page not found",
    page("Error"),
    *[
        page("Page not found", "Page not found", rest=sign)
        for sign in (
            '<meta property="article:published_time" content="2020-06-11">',
            '<meta property="og:type" content="article">',
            '<script type="application/ld+json">{"datePublished":"2020"}</script>',
        )
    ],
]


@pytest.mark.parametrize("body", ARTICLES)
def test_an_article_about_such_pages_is_an_article(body: bytes) -> None:
    assert outcome(body) == ""


@pytest.mark.parametrize(
    ("charset", "title"),
    [
        ("windows-1251", "Страница не найдена"),
        ("shift_jis", "ページが見つかりません"),
        ("iso-8859-1", "Page demandée introuvable"),
    ],
)
def test_titles_are_read_in_their_encoding(charset: str, title: str) -> None:
    body = page(title).decode().encode(charset)

    found = find_soft_error(ASKED, ASKED, body, f"text/html; charset={charset}")

    assert found is not None
    assert found.reason == f"a soft 404: it has the title {title!r}"


@pytest.mark.parametrize(
    ("answered", "place"),
    [
        ("https://news.example/", "the home page"),
        ("https://www.bought-by.example/", "the home page"),
        ("https://news.example/index.html", "the home page"),
        ("https://news.example/en/", "the home page"),
        ("https://news.example/de-at/home", "the home page"),
        ("https://news.example/2020/", "a section's page"),
        ("https://news.example/404.html", "an error page"),
        ("https://news.example/error/page-not-found?from=x", "an error page"),
        ("https://www.hugedomains.com/domain_profile.cfm?d=n", "a domain dealer"),
    ],
)
def test_a_redirect_away_from_an_article_makes_a_soft_404(
    answered: str, place: str
) -> None:
    found = find_soft_error(ASKED, answered, ARTICLE, HTML)

    assert found is not None
    assert found.outcome == "http_error"
    assert found.reason == f"a soft 404: it led to {place}, {answered}"


@pytest.mark.parametrize(
    ("answered", "place"),
    [
        ("https://news.example/login?next=%2F2020%2F06", "a login page"),
        ("https://login.news.example/", "a login page"),
        ("https://accounts.example/v3/signin/x", "a login page"),
        ("https://consent.yahoo.example/v2/collectConsent?s=1", "a consent wall"),
        ("https://news.example/consent/?to=x", "a consent wall"),
        ("https://news.example/subscribe", "a subscription page"),
    ],
)
def test_a_redirect_to_a_wall_is_named(answered: str, place: str) -> None:
    found = find_soft_error(ASKED, answered, ARTICLE, HTML)

    assert found is not None
    assert found.outcome == "bad_response"
    assert found.reason == f"no article: it led to {place}, {answered}"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (ASKED, "https://www.news.example/2020/06/bees-return-to-the-city/"),
        (ASKED, "https://news.example/bees-return-to-the-city"),
        (ASKED, "https://news.example/subscribe/bees-return-to-the-city"),
        (ASKED, "https://news.example/nature/bees.html"),
        (ASKED, "https://news.example/?p=4711"),
        (ASKED + "/amp", ASKED),
        (ASKED + "/2", ASKED),
        ("https://news.example/story/brexit/amp", "https://news.example/story/brexit"),
        ("https://news.example/?p=4711", ASKED),
        ("https://news.example/", "https://www.news.example/en/"),
        ("https://news.example/start", "https://news.example/"),
        ("https://t.example/AbC12", "https://news.example/"),
        ("https://news.example/login/news", "https://news.example/login/tips"),
    ],
)
def test_a_redirect_to_an_article_is_followed(asked: str, answered: str) -> None:
    assert outcome(ARTICLE, answered, asked) == ""


def test_an_archive_may_say_of_anything_that_it_is_what_it_saved() -> None:
    """Even of what is no address."""
    assert outcome(ARTICLE, "http://[news.example/a", ASKED) == ""


def test_only_the_start_is_looked_at() -> None:
    late = b"<!DOCTYPE html>" + b"<p>Words</p>" * 6_000 + page("Page not found")

    assert late.index(b"<title>") > HEAD_BYTES
    assert outcome(late) == ""


HOSTILE = [
    b"<h1" * 30_000,
    b"<title>" + b"</" * 40_000,
    b"<title>" * 10_000,
    b"<meta prerender-status-code " + b" " * 23_000,
    b"<meta prerender-status-code" * 800,
    b"<title>" + b" - " * 20_000 + b"</title>",
    b"<title>404</title>" + b"og:type content=" * 4_000,
    b"<title>404</title>og:type" + b" " * 65_000,
    b"<title>" + b"&amp;" * 13_000 + b"</title>",
    "é".encode() * 40_000,
    bytes(70_000),
    b"\xff" * 70_000,
    b"<" * 24_000,
    b"<p" * 12_000,
    b"<script>" * 3_000,
    b"<h2>404 error" * 1_800,
    b"<b>&amp;" * 3_000,
    b"<p>x" * 6_000,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_page_made_to_be_slow_is_not(number: int) -> None:
    watch = Watch()

    outcome(HOSTILE[number])

    assert watch.within(0.5)  # quadratic ways take many seconds
