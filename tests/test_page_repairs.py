# ruff: noqa: RUF001 - letters of many scripts are what this is about
"""What is mended in a page's texts, what is not, and how each change is on record."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.direct import run_direct
from flows.refresh import read_every_page, refresh
from tasks.models import PageRepair
from tasks.run import Job
from tasks.settings import Settings, SourceSettings
from tests.hub import MOMENT, Hub
from tests.origin import BEHAVIOURS, open_origin, settings_for
from tests.test_pages import ARTICLE, FIRST, LAST, TEXT, html, meta, page

ALL = """
select subject_table, column_name, position, rule, before, after from repairs
where subject_table in ('pages', 'links') order by all
"""


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("It wasnâ€™t the keeper.", "It wasn’t the keeper.", "mojibake"),
        ("He said â€œahoyâ€", "He said “ahoy”", "mojibake"),
        ("The light\u200bhouse again.", "The lighthouse again.", "zero_width"),
        ("\ufeffThe lighthouse again.", "The lighthouse again.", "zero_width"),
        ("The light\x81house again.", "The lighthouse again.", "control_characters"),
        ("A cafe\u0301 at the pier.", "A café at the pier.", "nfc"),
    ],
)
def test_each_paragraph_that_was_mended_is_on_record(
    before: str, after: str, rule: str
) -> None:
    result = page(html(body=f"<p>{FIRST}</p><p>{before}</p>{TEXT}"))

    paragraphs = result.text.split("\n")
    (repair,) = result.repairs
    assert paragraphs[repair.position or 0] == after
    assert repair == PageRepair("text", 1, rule, before, after)
    assert result.flags == ("repaired",)


@pytest.mark.parametrize(
    "kept",
    [
        "او می\u200cخواهد بماند.",
        "A family 👨\u200d👩\u200d👧 at the pier.",
        "ประเทศ\u200bไทย",
        "The word \u200fשלום\u200e means peace.",
        "Some 10\xa0000 people\u202f!",
        "Write &lt;b&gt; for bold, &amp; for an ampersand.",
        "The owl \U00013153 and the reed.",
    ],
)
def test_what_extractors_would_lose_is_kept(kept: str) -> None:
    raw = kept.replace("&", "&amp;")

    result = page(html(body=f"<p>{FIRST}</p><p>{raw}</p>{TEXT}"))

    assert kept in result.text.split("\n")
    assert result.repairs == ()


@pytest.mark.parametrize(
    "code",
    [
        "<pre>print('wasnâ€™t')\nx = 'light\u200bhouse'</pre>",
        "<pre><code>print('wasnâ€™t')</code></pre>",
        "<p>Type <code>wasnâ€™t</code> or <kbd>light\u200bhouse</kbd> now.</p>",
    ],
)
def test_code_stays_as_it_is_written(code: str) -> None:
    result = page(html(body=f"<p>{FIRST}</p>{code}{TEXT}"))

    assert "wasnâ€™t" in result.text
    assert result.repairs == ()
    assert "light\u200bhouse" in result.text or "light" not in code


def test_prose_beside_code_is_mended() -> None:
    result = page(html(body=f"{TEXT}<p>It wasnâ€™t <code>â€™</code> orâ€¦</p>"))

    assert result.text.split("\n")[-1] == "It wasn’t â€™ or…"
    assert [repair.rule for repair in result.repairs] == ["mojibake"]


def test_titles_authors_and_sites_that_were_mended_are_on_record() -> None:
    head = meta(og__site_name="The CafÃ©") + meta(article__author="By ZoÃ« Lee, Bo Ek")

    result = page(
        html(
            head,
            f"<h1>Keeperâ€™s light &amp;amp; lamp</h1>{TEXT}",
            title="Keeper’s light and lamp",
        )
    )

    assert (result.title, result.authors) == (
        "Keeper’s light & lamp",
        ("Zoë Lee", "Bo Ek"),
    )
    assert result.repairs == (
        PageRepair("site_name", None, "mojibake", "The CafÃ©", "The Café"),
        PageRepair(
            "title",
            None,
            "entities",
            "Keeperâ€™s light &amp; lamp",
            "Keeper’s light & lamp",
        ),
        PageRepair(
            "title",
            None,
            "mojibake",
            "Keeperâ€™s light &amp; lamp",
            "Keeper’s light & lamp",
        ),
        PageRepair("authors", 0, "mojibake", "By ZoÃ« Lee, Bo Ek", "Zoë Lee"),
    )


def test_a_declared_title_that_was_mended_is_on_record() -> None:
    result = page(html(body=TEXT, title="Keeperâ€™s light | The Gazette"))

    (repair,) = result.repairs
    assert repair.after == result.title
    assert repair.before == "Keeperâ€™s light | The Gazette"


def test_a_byline_that_was_mended_is_on_record() -> None:
    byline = "<p class=byline>By ZoÃ« Lee</p>"

    result = page(html(body=f"<h1>Lighthouse will shine again</h1>{byline}{TEXT}"))

    assert result.authors == ("Zoë Lee",)
    assert result.repairs[0] == PageRepair(
        "authors", 0, "mojibake", "By ZoÃ« Lee", "Zoë Lee"
    )


def test_anchors_are_mended_and_addresses_never() -> None:
    body = f"{ARTICLE}<nav><a href=/a>a</a><a href='/wasnâ€™t?q=Ã©'>wasnâ€™t</a></nav>"

    result = page(html(body=body))

    assert result.links[1].anchor == "wasn’t"
    assert result.links[1].url.endswith("/wasn%C3%A2%E2%82%AC%E2%84%A2t?q=%C3%83%C2%A9")
    assert result.repairs == (
        PageRepair("anchor", 1, "mojibake", "wasnâ€™t", "wasn’t"),
    )


def test_the_body_in_linked_data_is_mended_and_on_record() -> None:
    body = f"{FIRST}\nIt wasnâ€™t the keeper.\n{LAST}" + f"\n{LAST}" * 9

    data = json.dumps({"@type": "NewsArticle", "articleBody": body})
    head = f'<script type="application/ld+json">{data}</script>'
    result = page(html(head, TEXT))

    assert result.text.split("\n")[1] == "It wasn’t the keeper."
    assert [r.position for r in result.repairs] == [1]


def test_repairs_are_those_of_the_latest_reading(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = "<nav><a href=/a>wasnâ€™t</a></nav>"
    shown = [html(), html(body=f"{TEXT}<p>It wasnâ€™t.</p>{link}")]
    monkeypatch.setitem(
        BEHAVIOURS, "mended", lambda it, _: it.say(200, shown[-1].encode())
    )
    hub.write("a.md", webUrl="http://news.example/mended")
    with open_origin() as origin:
        settings = Settings(
            sources=(SourceSettings(location=str(hub.folder), name="hub"),),
            data=hub.data,
            fetch=settings_for(origin, respect_robots=False, refetch_after_days=1),
        )
        job = Job(settings, moment=MOMENT, say=lambda _: None, with_images=False)
        run_direct(refresh, job)
        first = hub.ask(ALL)
        run_direct(read_every_page, replace(job, moment=MOMENT + timedelta(hours=1)))
        again = hub.ask(ALL)
        shown.pop()
        run_direct(refresh, replace(job, moment=MOMENT + timedelta(days=9)))

    assert first == [
        ("links", "anchor", 0, "mojibake", "wasnâ€™t", "wasn’t"),
        ("pages", "text", 4, "mojibake", "It wasnâ€™t.", "It wasn’t."),
    ]
    assert again == first
    assert hub.ask(ALL) == []
