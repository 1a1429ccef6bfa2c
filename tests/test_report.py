"""The report says what the tables say, as text, and is whole or not there."""

from __future__ import annotations

import errno
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import lxml.html
import pytest

import tasks.report
from tasks.report import (
    FATES,
    day,
    moment,
    number,
    percent,
    stack,
    timeline,
    write_report,
)
from tasks.warehouse.engine import sql_of
from tasks.warehouse.published import open_published
from tasks.warehouse.working import open_warehouse
from tests.hub import Hub, related

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert('a')</script> & \"sons\""
TEMPLATES = Path(tasks.report.__file__).parent / "templates"
CACHE = shutil.ignore_patterns("__pycache__")
NOTHING = "\N{EN DASH}"
CAPTURE = """
insert into captures (
    capture_id, article_id, url, via, attempt, requested_at, final_url, outcome,
    reason, elapsed_ms, next_fetch_at
)
select
    uuid(), article_id, url, $via, 1, now(), url, $outcome, $reason, 5, now()
from articles
where title = $title
"""
PAGE = """
insert into pages (
    article_id, capture_id, authors, text, word_count, encoding, encoding_source, flags
)
select article_id, capture_id, [], 'text', 1, 'utf-8', 'header', []
from captures
where outcome = 'ok'
"""


def written(hub: Hub) -> lxml.html.HtmlElement:
    return lxml.html.fromstring((hub.data / "report.html").read_text(encoding="utf-8"))


def rewritten(hub: Hub) -> lxml.html.HtmlElement:
    """Write the report again, after a test changed the published file."""
    with open_published(hub.data / "news.duckdb") as warehouse:
        write_report(warehouse, hub.data / "report.html")
    return written(hub)


def change(hub: Hub, statement: str, **values: object) -> None:
    with duckdb.connect(str(hub.data / "news.duckdb")) as database:
        database.execute(statement, values)


def capture(hub: Hub, title: str, via: str = "origin", outcome: str = "ok") -> None:
    reason = f"ended as {outcome}"
    change(hub, CAPTURE, title=title, via=via, outcome=outcome, reason=reason)


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def part(page: lxml.html.HtmlElement, name: str) -> str:
    return words(page.get_element_by_id(name))


def figures(page: lxml.html.HtmlElement) -> dict[str, str]:
    return {
        words(entry.find("dt")): words(entry.find("dd"))
        for entry in page.xpath("//*[@class='figures']/div")
    }


def rows(page: lxml.html.HtmlElement, name: str) -> list[list[str]]:
    found = page.get_element_by_id(name).xpath("(.//table)[1]/tbody/tr")
    return [[words(cell) for cell in row] for row in found]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """Three articles, one of them undated, two providers, a stub and a broken file."""
    hub = Hub(tmp_path_factory.mktemp("built"))
    hub.write(
        "a.md",
        provider={"name": "Gazette", "domain": "gazette.example"},
        publishedDateTime="2024-03-04T10:00:00Z",
        topics=["Sea", "Ferries"],
        related=related("stub"),
    )
    hub.write(
        "b.md",
        provider={"name": "Gazette", "domain": "gazette.example"},
        publishedDateTime="2024-05-06T10:00:00Z",
        topics=["Sea"],
    )
    hub.write("c.md", provider={"name": "Herald", "domain": "herald.example"})
    hub.write_text("_news/broken.md", "---\nnever closed\n")
    hub.run()
    return hub


@pytest.fixture
def loaded(built: Hub, hub: Hub) -> Hub:
    """Return a test's own copy of what was built once for all."""
    shutil.copytree(built.data, hub.data)
    return hub


class Balance(HTMLParser):
    """Notes every end tag that does not end what was begun last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        """Begin an element, unless its kind has no end."""
        if tag not in {"link", "meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _attributes: object) -> None:
        """Pass over an element of SVG that ends itself."""

    def handle_endtag(self, tag: str) -> None:
        """End the element begun last."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> in line {self.getpos()[0]}")


# --- what is kept from run to run


def test_what_no_run_changed_is_not_asked_again(loaded: Hub, built: Hub) -> None:
    """Seen by a name that was put among what is kept."""
    shutil.copytree(built.folder, loaded.folder, dirs_exist_ok=True)
    loaded.run()
    checked = loaded.data / "warehouse" / "checked.json"
    checked.write_text(checked.read_text().replace('"Herald"', '"Kept Herald"'))
    fields = {"provider": {"name": "Herald", "domain": "herald.example"}}
    loaded.write("c.md", **fields, heat=77)
    loaded.run()
    kept = rows(written(loaded), "providers")
    loaded.write("c.md", **fields, publishedDateTime="2024-05-06T10:00:00Z")
    loaded.run()
    asked = rows(written(loaded), "providers")

    assert ["Kept Herald" in str(kept), "Kept Herald" in str(asked)] == [True, False]
    assert kept[0] == asked[0]


def test_key_figures_are_kept_while_only_heat_changes(hub: Hub) -> None:
    """Seen by a number that was put among what is kept."""
    hub.write("a.md", heat=1)
    hub.run()
    checked = hub.data / "warehouse" / "checked.json"
    checked.write_text(checked.read_text().replace('"topics": 0', '"topics": 41'))
    told = []
    for changed in ({"heat": 2}, {"heat": 2, "topics": ["Sea"]}):
        hub.write("a.md", **changed)
        hub.run()
        page = (hub.data / "report.html").read_text(encoding="utf-8")
        told.append(figures(lxml.html.fromstring(page))["Topics"])

    assert told == ["41", "1"]


def test_all_that_kept_parts_ask_of_articles_is_in_their_digest() -> None:
    made_by = {f"report/{s}" for of in tasks.report._KEPT.values() for s in of}
    statements = [sql_of(name) for name in (*made_by, "views/link_rot")]
    asked = {c for s in statements for c in re.findall(r"\barticles\.(\w+)", s)}

    assert asked
    assert asked <= set(re.findall(r"\w+", sql_of("report/asked_of_articles")))


# --- what it says


def test_key_figures_are_those_of_the_tables(loaded: Hub) -> None:
    found = figures(written(loaded))

    assert found == {
        "Articles": "3",
        "Stubs": "1",
        "Providers": "2",
        "Topics": "2",
        "Edges": "1",
        "Pages captured": "0",
        "Cached images": "0",
        "Rejections": "1",
    }
    (counts,) = loaded.ask(
        "select (select count(*) from articles where not is_stub),"
        " (select count(*) from providers), (select count(*) from topics)"
    )
    assert [found[n] for n in ("Articles", "Providers", "Topics")] == [
        str(count) for count in counts
    ]


def test_head_tells_run_and_moment(loaded: Hub) -> None:
    page = written(loaded)

    (finished_at,) = (
        row[0].astimezone(UTC) for row in loaded.ask("select finished_at from runs")
    )
    head = words(page.xpath("//*[@class='dateline']")[0])
    assert head.startswith(f"Published {finished_at:%Y-%m-%d %H:%M} UTC by run 1,")
    assert rows(page, "runs")[0][:4] == ["1", "2026-01-02 03:04 UTC", "complete", "3"]


def test_providers_without_a_page_asked_for_are_not_called_dead(loaded: Hub) -> None:
    page = written(loaded)

    assert rows(page, "providers") == [
        ["Gazettegazette.example", "2", "2024-05-06"],
        ["Heraldherald.example", "1", NOTHING],
    ]
    assert "%" not in part(page, "providers")
    assert "No page has been asked for yet" in part(page, "rot")


def test_providers_tell_how_much_can_still_be_read(loaded: Hub) -> None:
    capture(loaded, "a")
    capture(loaded, "b", outcome="http_error")
    change(loaded, PAGE)

    assert rows(rewritten(loaded), "providers") == [
        ["Gazettegazette.example", "2", "1", "50%", "2024-05-06"],
        ["Heraldherald.example", "1", "0", "not asked yet", NOTHING],
    ]


def test_link_rot_tells_every_fate(loaded: Hub) -> None:
    capture(loaded, "a", via="cdn_amp")
    capture(loaded, "b", outcome="timeout")
    capture(loaded, "c", via="archive")

    page = rewritten(loaded)

    assert rows(page, "rot") == [
        ["Gazette", "2", "0", "1", "0", "1"],
        ["Herald", "1", "0", "0", "1", "0"],
    ]
    assert "At its own address: 0 (0%)" in part(page, "rot")
    assert "Lost: 1 (33%)" in part(page, "rot")


def test_obstacles_come_with_an_example(loaded: Hub) -> None:
    capture(loaded, "b", outcome="http_error")

    page = rewritten(loaded)

    found = {row[2]: row[1] for row in rows(page, "obstacles")}
    assert found["https://news.example/b"].endswith("page, http error")
    assert found["_news/broken.md"].endswith("parse, rejected")


def test_topics_count_their_articles(loaded: Hub) -> None:
    assert rows(written(loaded), "topics") == [
        ["Sea", "2", "2024-05-06"],
        ["Ferries", "1", "2024-03-04"],
    ]


def test_months_have_bars_and_the_undated_a_note(loaded: Hub) -> None:
    page = written(loaded)

    titles = page.xpath("//*[@id='months']//g/title/text()")
    assert titles == ["March 2024: 1", "April 2024: 0", "May 2024: 1"]
    assert "The highest is March 2024 with 1." in part(page, "months")
    assert "Not in the chart: 1 article" in part(page, "months")


def test_many_providers_are_summed_up(hub: Hub) -> None:
    for index in range(23):
        name = f"p{index:02}"
        hub.write(f"{name}.md", provider={"name": name, "domain": f"{name}.example"})
    hub.run()

    page = written(hub)

    assert len(rows(page, "providers")) == 20
    assert "The 20 providers with the most articles, of 23" in part(page, "providers")
    assert "and 3 more with 3 articles together" in part(page, "providers")


def test_empty_warehouse_has_a_report_too(tmp_path: Path) -> None:
    published, target = tmp_path / "news.duckdb", tmp_path / "report.html"
    with open_warehouse(published, NOON):
        pass

    with open_published(published) as warehouse:
        write_report(warehouse, target)

    page = lxml.html.fromstring(target.read_text(encoding="utf-8"))
    assert set(figures(page).values()) == {"0"}
    assert "Not yet published by a run" in words(page)
    assert "No article is here yet" in words(page)
    assert len(page.xpath("//section/p[@class='empty']")) == 6


# --- what it is


def test_names_from_the_data_are_text(hub: Hub) -> None:
    hub.write(
        "a.md",
        title=HOSTILE,
        provider={"name": HOSTILE, "domain": "gazette.example"},
        publishedDateTime="2024-03-04T10:00:00Z",
        topics=[f"{HOSTILE} {{{{ 7 * 7 }}}}"],
    )
    hub.write_text("_news/<img src=x onerror=alert(1)>.md", "---\nnever closed\n")
    hub.run()
    capture(hub, hub.ask("select title from articles")[0][0])

    page = rewritten(hub)

    assert not page.xpath("//script | //img")
    assert rows(page, "providers")[0][0].startswith(HOSTILE)
    assert rows(page, "rot")[0][0] == HOSTILE
    assert rows(page, "topics")[0][0] == f"{HOSTILE} {{{{ 7 * 7 }}}}"
    assert rows(page, "obstacles")[0][2] == "_news/<img src=x onerror=alert(1)>.md"


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:image/png;base64," + 5_000 * "A", "file:///a"],
)
def test_only_web_addresses_become_links(loaded: Hub, address: str) -> None:
    change(loaded, "update rejections set subject = $address", address=address)

    page = rewritten(loaded)

    assert not page.xpath("//a[@class='address']")
    shown = rows(page, "obstacles")[0][2]
    assert address.startswith(shown.removesuffix("…"))
    assert len(shown) <= 160


def test_page_loads_nothing_from_anywhere(loaded: Hub) -> None:
    capture(loaded, "b", outcome="http_error")

    page = rewritten(loaded)

    assert page.xpath("//*[not(self::a)]/@href") == ["data:,"]
    assert not page.xpath("//@src | //@srcset | //@data | //@poster | //@action")
    assert not page.xpath("//script | //iframe | //@*[starts-with(name(), 'on')]")
    style = "".join(page.xpath("//style/text() | //@style"))
    assert not re.search(r"url\(|@import|//", style)
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy[0].startswith("default-src 'none'; ")


def test_page_is_well_formed(loaded: Hub) -> None:
    capture(loaded, "a", via="amp")
    capture(loaded, "b", outcome="http_error")

    page = rewritten(loaded)

    balance = Balance()
    balance.feed((loaded.data / "report.html").read_text(encoding="utf-8"))
    assert (balance.wrong, balance.open) == ([], [])
    ids = Counter(page.xpath("//@id"))
    assert set(ids.values()) == {1}
    named = " ".join(page.xpath("//@aria-labelledby")).split()
    inside = [link[1:] for link in page.xpath("//a/@href") if link.startswith("#")]
    assert {*named, *inside} <= set(ids)


def test_page_can_be_read_by_ear(loaded: Hub) -> None:
    page = written(loaded)

    assert page.xpath("/html/@lang") == ["en"]
    assert len(page.xpath("//h1")) == len(page.xpath("//main")) == 1
    tables = page.xpath("//table")
    assert all(words(table.find("caption")) for table in tables)
    assert all(th.get("scope") in {"col", "row"} for th in page.xpath("//th"))
    charts = page.xpath("//svg[not(@aria-hidden) and not(ancestor::svg)]")
    assert [chart.get("role") for chart in charts] == ["img"]


def test_same_warehouse_makes_the_same_report(loaded: Hub) -> None:
    before = (loaded.data / "report.html").read_bytes()

    rewritten(loaded)

    assert (loaded.data / "report.html").read_bytes() == before


def test_template_is_compiled_once(
    loaded: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "templates", ignore=CACHE))
    monkeypatch.setattr("tasks.report._TEMPLATES", templates)
    rewritten(loaded)
    monkeypatch.setattr(jinja2.Environment, "compile", pytest.fail)

    assert rewritten(loaded).xpath("//h1")


@pytest.mark.parametrize("left", [0, 20, 40, -1])
def test_damaged_cache_of_the_template_is_made_anew(
    loaded: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "templates", ignore=CACHE))
    monkeypatch.setattr("tasks.report._TEMPLATES", templates)
    rewritten(loaded)
    (kept,) = (templates / "__pycache__").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:left])

    assert rewritten(loaded).xpath("//h1")
    assert kept.read_bytes() == whole


def test_program_in_a_folder_that_takes_no_cache_writes_its_report(
    loaded: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "templates", ignore=CACHE))
    (templates / "__pycache__").touch()  # a root may write to any folder, but not here
    monkeypatch.setattr("tasks.report._TEMPLATES", templates)

    assert rewritten(loaded).xpath("//h1")


def test_interrupted_write_leaves_the_old_report(
    loaded: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file.name for file in loaded.data.iterdir()}
    report = loaded.data / "report.html"
    report.write_text("the old one", encoding="utf-8")

    def fill_the_disk(self: Path, text: str, **_: Any) -> int:
        self.write_bytes(text[:100].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with (
        open_published(loaded.data / "news.duckdb") as warehouse,
        pytest.raises(OSError, match="No space"),
    ):
        write_report(warehouse, report)

    assert report.read_text(encoding="utf-8") == "the old one"
    assert {file.name for file in loaded.data.iterdir()} == before


# --- the pure parts


def month(year: int, number: int, articles: int = 1) -> dict[str, int]:
    return {"year": year, "month": number, "articles": articles}


def test_chart_without_articles_is_none() -> None:
    assert timeline([]) is None


def test_months_without_articles_keep_their_place() -> None:
    chart = timeline([month(2023, 12, 4), month(2024, 2, 1)])

    assert chart is not None
    assert [(bar.label, bar.count, bar.height) for bar in chart.bars] == [
        ("December 2023", 4, 100.0),
        ("January 2024", 0, 0.0),
        ("February 2024", 1, 25.0),
    ]
    assert [(mark.text, mark.under) for mark in chart.periods] == [
        ("Dec", "2023"),
        ("Jan", "2024"),
        ("Feb", ""),
    ]


def test_longer_charts_name_the_years() -> None:
    chart = timeline([month(2020, 7), month(2023, 2)])

    assert chart is not None
    assert (chart.unit, len(chart.bars)) == ("month", 32)
    assert [mark.text for mark in chart.periods] == ["2021", "2022", "2023"]


def test_ten_years_are_months_and_more_are_years() -> None:
    ten = timeline([month(2014, 1), month(2023, 12)])
    more = timeline([month(2014, 1), month(2014, 5), month(2024, 1)])

    assert ten is not None
    assert more is not None
    assert (ten.unit, len(ten.bars)) == ("month", 120)
    assert (more.unit, len(more.bars), more.bars[0].count) == ("year", 11, 2)


def test_a_stray_date_does_not_squeeze_the_chart() -> None:
    chart = timeline([month(1, 1, 99), month(2023, 1, 5), month(2024, 1, 2)])

    assert chart is not None
    assert len(chart.bars) == 120
    assert chart.shown == 7
    assert (chart.peak.label, chart.peak.height) == ("2023", 100.0)


@pytest.mark.parametrize(
    ("top", "marks"),
    [
        (1, ["1"]),
        (4, ["1", "2", "3", "4"]),
        (16, ["5", "10", "15"]),
        (92, ["20", "40", "60", "80"]),
        (802, ["200", "400", "600", "800"]),
        (12_345, ["5,000", "10,000"]),
    ],
)
def test_heights_are_round(top: int, marks: list[str]) -> None:
    chart = timeline([month(2024, 1, top)])

    assert chart is not None
    assert [mark.text for mark in chart.heights] == marks


def test_stacked_bars_fill_the_width() -> None:
    row = {"tried": 3, **dict.fromkeys(FATES, 1), "saved_by_amp": 0}

    bars = stack(row)

    assert [bar.label for bar in bars] == ["at_origin", "saved_by_archive", "lost"]
    assert [bar.left for bar in bars] == [0.0, 33.333, 66.667]
    assert sum(bar.width for bar in bars) == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(
    ("part_of", "whole", "shown"),
    [(0, 9, "0%"), (1, 999, "<1%"), (1, 3, "33%"), (998, 999, ">99%"), (7, 7, "100%")],
)
def test_only_all_is_all(part_of: int, whole: int, shown: str) -> None:
    assert percent(part_of, whole) == shown


def test_numbers_and_moments_are_spelt_for_people() -> None:
    east = timezone(timedelta(hours=9))

    assert number(1_234_567) == "1,234,567"
    assert number("8.674", 1) == "8.7"
    assert number(None) == NOTHING
    assert moment(datetime(2024, 5, 2, 23, 5, tzinfo=east)) == "2024-05-02 14:05 UTC"
    assert day(datetime(987, 1, 2, tzinfo=UTC)) == "0987-01-02"
    assert day(None) == NOTHING
