"""The sample hub holds every oddity it promises, and its press site acts them out."""

from __future__ import annotations

import base64
import gzip
import http.client
import io
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

import pytest
import yaml
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
SERVER = SAMPLE / "press" / "server.py"
REJECTED = {
    "2024-06-01-front-matter-never-closed.md",
    "2024-06-02-front-matter-is-a-list.md",
    "2024-06-03-syntax-error-in-line-7.md",
    "2024-06-04-neither-weburl-nor-originalurl.md",
    "2024-06-05-published-soon.md",
}
FIELDS = """
    category title excerpt publishedDateTime updatedDateTime originalUrl webUrl
    ampWebUrl cdnAmpWebUrl type quality heat published removed featuredContent locale
    provider topics images related secured
""".split()

COURIER = "http://www.lanterncourier.example"
AMERY = "http://www.portamerytimes.example"
SKERRY = "http://skerryscience.example"
NIGHT_SKY = "http://media.lanterncourier.example/2024/03/night-sky.jpg"


class Press:
    """A press site that listens on *port*, asked one question per connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask for *url* as it is spelt; redirects are answers, not orders."""
        parts = urlsplit(url)
        target = url.removeprefix(f"http://{parts.netloc}") or "/"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            given = {"Host": parts.netloc, **(headers or {})}
            connection.request("GET", target, headers=given)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def status(self, url: str) -> int:
        """Ask for the status alone."""
        return self.get(url)[0].status

    def follow(self, url: str) -> list[str]:
        """Walk the redirects from *url*; the last address is the one that answers."""
        way = [url]
        while True:
            response, _ = self.get(way[-1])
            location = response.headers["Location"]
            if not location:
                return way
            way.append(urljoin(way[-1], location))


def start(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    """Start the press site and read its port."""
    server = subprocess.Popen(
        [sys.executable, str(SERVER), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    line = server.stdout.readline()
    match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
    assert match, line
    return server, int(match[1])


def finish(server: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of the press site: its status and what else it printed."""
    rest, _ = server.communicate(timeout=20)
    return server.returncode, rest


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    """Give a running press site, and stop it at the end."""
    server, port = start("--until-stdin-closes")
    yield Press(port)
    assert finish(server) == (0, "")


def read(name: str) -> tuple[dict[str, Any], str]:
    """Read an article file that loads: its front matter and its body."""
    text = (SAMPLE / "_news" / name).read_text(encoding="utf-8-sig")
    _, head, body = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    return cast("dict[str, Any]", yaml.safe_load(head)), body


@pytest.fixture(scope="module")
def articles() -> dict[str, dict[str, Any]]:
    """Give the front matter of every article file that loads, by name."""
    names = {path.name for path in (SAMPLE / "_news").iterdir()} - REJECTED
    return {name: read(name)[0] for name in sorted(names)}


def page_url(article: Mapping[str, Any]) -> str:
    return str(article.get("webUrl") or article["originalUrl"])


def image_urls(articles: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """Count the articles that show each image."""
    return Counter(
        image["url"] for a in articles.values() for image in a.get("images") or []
    )


# The hub


def test_the_hub_holds_38_files_that_load_and_5_that_do_not(
    articles: dict[str, dict[str, Any]],
) -> None:
    names = {path.name for path in (SAMPLE / "_news").iterdir()}

    assert len(articles) == 38
    assert names - set(articles) == REJECTED


def test_every_article_that_loads_has_an_address_and_a_date(
    articles: dict[str, dict[str, Any]],
) -> None:
    for article in articles.values():
        assert urlsplit(page_url(article)).netloc.endswith(".example")
        assert isinstance(article["publishedDateTime"], date | datetime)


def test_every_field_of_real_hubs_occurs(articles: dict[str, dict[str, Any]]) -> None:
    fields = {field for article in articles.values() for field in article}
    image_fields = {
        field
        for article in articles.values()
        for image in article.get("images") or []
        for field in image
    }
    provider_fields = {f for a in articles.values() for f in a["provider"]}

    assert set(FIELDS) <= fields
    assert image_fields == set("url width height isCached title attribution".split())
    assert provider_fields == {"name", "domain", "images"}


def test_ten_providers_share_nine_domains(articles: dict[str, dict[str, Any]]) -> None:
    providers = {
        (a["provider"]["name"], a["provider"]["domain"]) for a in articles.values()
    }

    assert len(providers) == 10
    assert len({domain for _, domain in providers}) == 9


def test_secured_is_a_ciphertext_and_sixteen_bytes(
    articles: dict[str, dict[str, Any]],
) -> None:
    values = [a["secured"] for a in articles.values() if "secured" in a]

    assert len(set(values)) == 37
    for value in values:
        ciphertext, vector = (base64.b64decode(p) for p in value.split(";"))
        assert len(ciphertext) % 16 == 0
        assert len(vector) == 16


def test_related_leads_inside_and_outside_the_hub(
    articles: dict[str, dict[str, Any]],
) -> None:
    own = {page_url(a) for a in articles.values()}
    targets = {page_url(r) for a in articles.values() for r in a["related"]}

    assert targets & own
    assert targets - own


def test_a_related_entry_is_the_same_bytes_in_every_file() -> None:
    entry = re.compile(rb"  - title: .*?\n(?=  - title|\n)", re.DOTALL)
    found: Counter[bytes] = Counter()
    for path in (SAMPLE / "_news").iterdir():
        _, _, related = path.read_bytes().partition(b"\nrelated:\n")
        found.update(entry.findall(related))

    by_title = {text.splitlines()[0] for text in found}

    assert len(by_title) == len(found)
    assert max(found.values()) >= 4


def test_one_article_is_told_in_two_files(
    articles: dict[str, dict[str, Any]],
) -> None:
    first = articles["2024-05-06-seaweed-for-school-lunch.md"]
    second = articles["2024-05-08-seaweed-for-school-lunch-newsletter.md"]

    extra = second["webUrl"].removeprefix(first["webUrl"])

    assert extra == "?utm_source=newsletter&utm_medium=email#comments"
    assert first["publishedDateTime"] != second["publishedDateTime"]


def test_three_videos_are_known_by_their_original_url_alone(
    articles: dict[str, dict[str, Any]],
) -> None:
    videos = [a for a in articles.values() if "webUrl" not in a]

    assert len(videos) == 3
    assert all(video["featuredContent"].startswith("<iframe") for video in videos)


def test_one_article_is_removed(articles: dict[str, dict[str, Any]]) -> None:
    removed = [name for name, a in articles.items() if a.get("removed")]

    assert removed == ["2024-05-02-the-island-that-was-not-there.md"]


def test_a_topic_may_be_a_number(articles: dict[str, dict[str, Any]]) -> None:
    topics = articles["2024-03-15-cheese-and-the-salt-wind.md"]["topics"]

    assert topics == ["Cheese", 5, 2024]


def test_unknown_fields_and_a_markdown_body_are_there_to_survive() -> None:
    article, body = read("2024-05-15-a-walk-round-tarn-holm.md")

    assert set(article) - set(FIELDS) == {"readingMinutes", "editorsNote", "route"}
    assert body.strip().startswith("# A walk round Tarn Holm")
    assert "\n---\n" in body


@pytest.mark.parametrize(
    ("name", "field", "oddity"),
    [
        ("2024-03-25-council-votes-for-quiet-hours", "excerpt", "\u00e2\u20ac\u2122s"),
        ("2024-03-30-science-cafe-how-dark-is-dark", "title", "\u00c3\u00a9"),
        ("2024-03-15-cheese-and-the-salt-wind", "title", "&#8217;"),
        ("2024-03-15-cheese-and-the-salt-wind", "title", "&amp;"),
        ("2024-05-24-whale-song-at-four-hertz", "title", "\u00a0"),
        ("2024-05-24-whale-song-at-four-hertz", "title", "\u200b"),
        ("2024-05-24-whale-song-at-four-hertz", "title", "\u2060"),
    ],
)
def test_texts_carry_the_damage_of_real_life(
    articles: dict[str, dict[str, Any]], name: str, field: str, oddity: str
) -> None:
    assert oddity in articles[f"{name}.md"][field]


def test_one_file_has_a_bom_and_one_has_crlf_line_ends() -> None:
    contents = {p.name: p.read_bytes() for p in (SAMPLE / "_news").iterdir()}

    marked = [name for name, c in contents.items() if c.startswith(b"\xef\xbb\xbf")]
    crlf = [name for name, c in contents.items() if b"\r\n" in c]

    assert marked == ["2024-05-10-post-by-glider.md"]
    assert crlf == ["2024-05-12-names-for-next-winters-storms.md"]
    assert not re.search(rb"[^\r]\n", contents[crlf[0]])


def test_dates_come_with_an_offset_without_a_zone_and_without_a_time() -> None:
    news = SAMPLE / "_news"
    endings = {
        "2024-05-20-ferry-bakery-opens-at-four.md": "2024-05-20T04:00:00-03:30",
        "2024-05-17-the-clockmaker-of-capstan-hill.md": "2024-05-17 09:45:00",
        "2024-05-22-message-in-a-bottle.md": "2024-05-22",
    }

    for name, written in endings.items():
        assert f"publishedDateTime: {written}\n" in (news / name).read_text("utf-8")


def test_titles_come_in_six_more_scripts_and_languages(
    articles: dict[str, dict[str, Any]],
) -> None:
    locales = {a["locale"] for a in articles.values() if "locale" in a}

    assert {"de-DE", "ja-JP", "ko-KR", "zh-CN", "ru-RU", "el-GR"} <= locales


def test_organizations_are_the_providers(
    articles: dict[str, dict[str, Any]],
) -> None:
    found = set()
    for path in (SAMPLE / "_data" / "organizations").iterdir():
        _, head, _ = path.read_text(encoding="utf-8").split("---\n")
        fields = yaml.safe_load(head)
        assert set(fields) == set("taxonomy _id name domain description images".split())
        assert fields["_id"] == path.stem
        found.add((fields["name"], fields["domain"]))

    assert found == {
        (a["provider"]["name"], a["provider"]["domain"]) for a in articles.values()
    }


def test_every_topic_but_one_has_a_parent() -> None:
    topics = [
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (SAMPLE / "_data" / "topics").iterdir()
    ]
    names = {topic["name"] for topic in topics}
    parents = [topic["parent"] for topic in topics if "parent" in topic]

    assert len(topics) == 14
    assert len(parents) == 13
    assert set(parents) <= names


def test_the_whole_sample_stays_below_a_megabyte() -> None:
    files = (p for p in SAMPLE.rglob("*") if p.is_file() and p.suffix != ".pyc")

    assert sum(path.stat().st_size for path in files) < 1_000_000


# The five that are rejected


def rejected_text(slug: str) -> str:
    (path,) = (SAMPLE / "_news").glob(f"2024-06-*-{slug}.md")
    return path.read_text(encoding="utf-8")


def test_the_first_rejected_file_never_closes_its_front_matter() -> None:
    lines = rejected_text("front-matter-never-closed").splitlines()

    assert lines.count("---") == 1


def test_the_second_rejected_file_has_a_list_for_front_matter() -> None:
    _, head, _ = rejected_text("front-matter-is-a-list").split("---\n")

    assert isinstance(yaml.safe_load(head), list)


def test_the_third_rejected_file_has_its_syntax_error_in_line_7() -> None:
    _, head, _ = rejected_text("syntax-error-in-line-7").split("---\n")

    with pytest.raises(yaml.MarkedYAMLError) as caught:
        yaml.safe_load(head)

    assert caught.value.problem_mark
    assert caught.value.problem_mark.line + 2 == 7


def test_the_fourth_rejected_file_has_no_address() -> None:
    _, head, _ = rejected_text("neither-weburl-nor-originalurl").split("---\n")

    assert {"webUrl", "originalUrl"}.isdisjoint(yaml.safe_load(head))


def test_the_fifth_rejected_file_is_published_soon() -> None:
    _, head, _ = rejected_text("published-soon").split("---\n")

    assert yaml.safe_load(head)["publishedDateTime"] == "soon"


# The press site


NOT_OK = {
    f"{AMERY}/council/2024/quiet-hours": 404,
    f"{COURIER}/2024/03/observatory-asks-for-darkness": 404,
    f"{COURIER}/2024/04/paper-from-kelp": 404,
    f"{AMERY}/sport/2024/regatta-of-bathtubs": 410,
}


def test_every_article_has_the_page_that_it_should_have(
    press: Press, articles: dict[str, dict[str, Any]]
) -> None:
    urls = {page_url(a).partition("#")[0] for a in articles.values()}
    alive = {url for url in urls if "oldferry" not in url and "choir" not in url}

    wrong = {
        url: status
        for url in alive
        if (status := press.status(press.follow(url)[-1])) != NOT_OK.get(url, 200)
    }

    assert wrong == {}


@pytest.mark.parametrize(
    ("url", "content_type", "encoding", "words"),
    [
        (
            "http://windlegazette.example/2024/lighthouse-library.html",
            "text/html; charset=windows-1252",
            "windows-1252",
            "\u20ac5 a year",
        ),
        (
            "http://windlegazette.example/2024/cheese.html",
            "text/html",
            "windows-1252",
            '<meta charset="windows-1252">',
        ),
        (
            "http://www.inselbote.example/2024/gruesse-vom-leuchtturm",
            "text/html",
            "windows-1252",
            "Wärterin",
        ),
        (
            "http://www.inselbote.example/2024/faehre-aepfel",
            "text/html; charset=iso-8859-1",
            "utf-8",
            "Thießen",
        ),
        (
            "http://el.beaconworld.example/articles/to-nisi-xoris-rologia",
            "text/html",
            "utf-8",
            '<meta charset="windows-1253">',
        ),
        (
            "http://www.inselbote.example/2024/moewenkonferenz",
            "text/html",
            "utf-8-sig",
            "Möwen",
        ),
        (
            "http://ru.beaconworld.example/articles/mayak-i-kot",
            "text/html",
            "utf-16",
            "Боцман",
        ),
        (
            "http://minatotou.example/news/tako-postman",
            "text/html; charset=Shift_JIS",
            "shift_jis",
            "水族館",
        ),
        (
            "http://minatotou.example/news/lantern-train",
            "text/html",
            "shift_jis",
            "提灯",
        ),
        (
            "http://ko.beaconworld.example/articles/haenyeo-school",
            "text/html",
            "euc_kr",
            '<meta charset="euc-kr">',
        ),
        (
            "http://zh.beaconworld.example/articles/tea-on-the-ferry",
            "text/html; charset=GB18030",
            "gb18030",
            "茶馆",
        ),
    ],
)
def test_pages_are_sent_in_the_encodings_of_their_countries(
    press: Press, url: str, content_type: str, encoding: str, words: str
) -> None:
    response, body = press.get(url)

    assert response.headers["Content-Type"] == content_type
    assert words in body.decode(encoding)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.inselbote.example/2024/gruesse-vom-leuchtturm",
        "http://minatotou.example/news/lantern-train",
    ],
)
def test_some_pages_do_not_say_their_encoding(press: Press, url: str) -> None:
    response, body = press.get(url)

    assert b"charset" not in body
    assert "charset" not in response.headers["Content-Type"]


@pytest.mark.parametrize(
    ("url", "hops", "end"),
    [
        (f"{COURIER}/story?id=118", 1, f"{COURIER}/2024/03/harbour-seal-census"),
        (
            f"{AMERY}/2024/night-bus",
            1,
            f"{AMERY}/transport/2024/night-bus-meets-the-ferry",
        ),
        (f"{AMERY}/b/hum", 3, f"{AMERY}/town/2024/the-bridge-that-hums"),
        (
            "http://media.lanterncourier.example/2024/03/seals.jpg",
            1,
            "http://cdn.lanterncourier.example/seals-1200.jpg",
        ),
    ],
)
def test_moved_addresses_lead_on(press: Press, url: str, hops: int, end: str) -> None:
    way = press.follow(url)

    assert len(way) == hops + 1
    assert way[-1] == end
    assert press.status(end) == 200


def test_a_lost_page_lives_on_as_its_amp_twin(press: Press) -> None:
    response, body = press.get(f"{AMERY}/amp/council/2024/quiet-hours")

    assert response.status == 200
    assert b"<html amp" in body
    assert b"no propeller may turn" in body


def test_a_page_lost_with_its_twin_lives_on_in_the_amp_cache(
    press: Press, articles: dict[str, dict[str, Any]]
) -> None:
    article = articles["2024-03-28-observatory-asks-for-darkness.md"]

    assert press.status(article["ampWebUrl"]) == 404
    assert press.status(article["cdnAmpWebUrl"]) == 200


@pytest.mark.parametrize("path", ["/1893/tide-tables", "/robots.txt", "/"])
def test_a_dead_host_hangs_up(press: Press, path: str) -> None:
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        press.get(f"http://www.oldferry.example{path}")


@pytest.mark.parametrize("kind", ["id_", ""])
def test_the_archive_leads_any_moment_to_the_one_that_was_saved(
    press: Press, kind: str
) -> None:
    page = "http://www.oldferry.example/1893/tide-tables"
    archive = "http://web.archive.example/web"

    way = press.follow(f"{archive}/20240402050000{kind}/{page}")

    assert way[-1] == f"{archive}/20240405061500{kind}/{page}"
    assert b"a notched post, a church clock" in press.get(way[-1])[1]


def test_the_archive_has_one_article_alone(
    press: Press, articles: dict[str, dict[str, Any]]
) -> None:
    archive = "http://web.archive.example/web/20240402050000id_"
    urls = {page_url(a).partition("#")[0] for a in articles.values()}

    saved = [url for url in urls if press.status(f"{archive}/{url}") != 404]

    assert saved == ["http://www.oldferry.example/1893/tide-tables"]


def test_one_page_takes_its_time(press: Press) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", press._port, timeout=1)
    path = "/2024/fog-signal-choir.html"
    connection.request("GET", path, headers={"Host": "windlegazette.example"})

    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()

    assert press.status(f"http://windlegazette.example{path}") == 200


def test_one_page_is_sent_compressed_to_those_who_can_read_it(press: Press) -> None:
    url = f"{SKERRY}/articles/puffins-return-early"
    response, packed = press.get(url, {"Accept-Encoding": "gzip, deflate"})
    _, plain = press.get(url)

    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("If-None-Match", '"turbine-3"', 304),
        ("If-None-Match", '"turbine-2"', 200),
        ("If-Modified-Since", "Tue, 05 Mar 2024 10:00:00 GMT", 304),
        ("If-Modified-Since", "Mon, 04 Mar 2024 10:00:00 GMT", 200),
        ("If-Modified-Since", "yesterday", 200),
    ],
)
def test_an_unchanged_page_is_not_sent_again(
    press: Press, header: str, value: str, status: int
) -> None:
    url = f"{SKERRY}/articles/tidal-turbine-hollow-sound"
    response, body = press.get(url, {header: value})

    assert response.status == status
    assert bool(body) == (status == 200)
    assert response.headers["ETag"] == '"turbine-3"'
    assert response.headers["Last-Modified"] == "Tue, 05 Mar 2024 10:00:00 GMT"


def test_some_pages_describe_themselves_and_some_are_bare(press: Press) -> None:
    _, courier = press.get(f"{COURIER}/2024/03/electric-ferry-maiden-voyage")
    _, skerry = press.get(f"{SKERRY}/articles/post-by-glider")
    _, windle = press.get("http://windlegazette.example/2024/bottle.html")

    assert b'"@type": "NewsArticle"' in courier
    assert b'property="og:title"' in courier
    assert b"ld+json" not in skerry
    assert b'property="og:title"' in skerry
    assert b"ld+json" not in windle
    assert b"og:" not in windle


def test_every_living_host_says_what_robots_may_do(
    press: Press, articles: dict[str, dict[str, Any]]
) -> None:
    urls = [page_url(a) for a in articles.values()] + list(image_urls(articles))
    hosts = {urlsplit(url).netloc for url in urls} - {"www.oldferry.example"}

    rules = {host: press.get(f"http://{host}/robots.txt")[1] for host in hosts}

    assert all(text.startswith(b"User-agent: *\n") for text in rules.values())
    assert b"Disallow: /members/" in rules["www.portamerytimes.example"]
    assert b"Crawl-delay: 0.1" in rules["skerryscience.example"]


@pytest.mark.parametrize("url", ["http://nowhere.example/", f"{COURIER}/2024/03/none"])
def test_unknown_hosts_and_paths_are_not_found(press: Press, url: str) -> None:
    response, body = press.get(url)

    assert response.status == 404
    assert b"<h1>Not found</h1>" in body


# Its images

BROKEN = {
    "http://img.portamerytimes.example/2024/missing.jpg",
    "http://img.portamerytimes.example/2024/quiet-hours.jpg",
    "http://media.lanterncourier.example/2024/05/kelp-soup.jpg",
    "http://skerryscience.example/images/sea-floor-map.png",
    "http://www.oldferry.example/pictures/boiler.jpg",
}


def test_every_other_image_decodes_in_one_of_four_formats(
    press: Press, articles: dict[str, dict[str, Any]]
) -> None:
    formats = Counter[str | None]()
    for url in image_urls(articles).keys() - BROKEN:
        _, content = press.get(press.follow(url)[-1])
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            formats[image.format] += 1

    assert formats == {"JPEG": 15, "PNG": 4, "WEBP": 1, "GIF": 1}


def test_one_image_is_cut_short(press: Press) -> None:
    _, content = press.get("http://media.lanterncourier.example/2024/05/kelp-soup.jpg")

    with (
        Image.open(io.BytesIO(content)) as image,
        pytest.raises(OSError, match="truncated"),
    ):
        image.load()


def test_one_image_is_small_to_send_and_huge_to_open(press: Press) -> None:
    _, content = press.get(f"{SKERRY}/images/sea-floor-map.png")

    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20]) * int.from_bytes(content[20:24]) == 81_000_000
    assert len(content) < 50_000


def test_one_image_is_not_there_and_one_is_a_page(press: Press) -> None:
    response, page = press.get("http://img.portamerytimes.example/2024/quiet-hours.jpg")

    assert press.status("http://img.portamerytimes.example/2024/missing.jpg") == 404
    assert response.headers["Content-Type"] == "image/jpeg"
    assert page.startswith(b"<!doctype html>")


def test_articles_share_images_by_address_and_by_bytes(
    press: Press, articles: dict[str, dict[str, Any]]
) -> None:
    shown = image_urls(articles)
    _, one = press.get(NIGHT_SKY)
    _, other = press.get("http://mirror.lanterncourier.example/night-sky-copy.jpg")

    assert shown["http://media.lanterncourier.example/2024/03/electric-ferry.jpg"] == 2
    assert one == other


@pytest.mark.parametrize(
    ("mark", "old", "new"),
    [("%252F", "%252F", "%2F"), ("X-Amz-Signature", "=5d1c", "=5d1d")],
)
def test_a_signed_image_answers_to_no_other_spelling(
    press: Press,
    articles: dict[str, dict[str, Any]],
    mark: str,
    old: str,
    new: str,
) -> None:
    (url,) = (url for url in image_urls(articles) if mark in url)

    assert press.status(url) == 200
    assert press.status(url.replace(old, new)) == 404


def test_an_unchanged_image_is_not_sent_again(press: Press) -> None:
    response, _ = press.get(NIGHT_SKY)
    again, body = press.get(NIGHT_SKY, {"If-None-Match": response.headers["ETag"]})

    assert (again.status, body) == (304, b"")


# The program


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_press_site_ends_at_a_signal(number: signal.Signals) -> None:
    server, port = start()
    assert Press(port).status(f"{COURIER}/") == 200

    server.send_signal(number)

    assert finish(server) == (0, "")


def test_the_press_site_never_outlives_the_parent_that_holds_its_input() -> None:
    server, _ = start("--until-stdin-closes")

    assert finish(server) == (0, "")
