"""What pages link to becomes edges; a page that its child cannot read is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tasks.settings import PageSettings, Settings, SourceSettings
from tests.hub import MOMENT, Hub
from tests.origin import BEHAVIOURS, Handler, Origin, open_origin, settings_for

EDGES = """
select source.title, target.title, removed_at is not null
from related_edges
join articles as source on source.article_id = source_article_id
join articles as target on target.article_id = target_article_id
where kind = 'link' order by all
"""
ANCHORS = "select url, anchor, target_article_id is not null from links order by all"
REASONS = "select subject, reason from rejections where resolved_at is null"


class Press:
    """A hub of two articles, whose pages say what is set for them."""

    def __init__(self, hub: Hub, origin: Origin) -> None:
        self.hub = hub
        self.origin = origin
        self.said: dict[str, str] = {}
        self.moment = MOMENT
        for name in "ab":
            self.hub.write(
                f"{name}.md", title=name, webUrl=f"http://news.example/says/{name}"
            )

    def answer(self, it: Handler, path: str) -> None:
        """Show the page of *path*."""
        words = f"The {path} page. " * 30
        said = self.said.get(path, "")
        body = f"<html><body><article><p>{words}</p>{said}</article></body></html>"
        it.say(200, body.encode())

    def run(self, **limits: Any) -> None:
        """Read all pages anew, within *limits*."""
        self.moment += timedelta(days=9)  # so all pages are due again
        found = Settings(
            sources=(SourceSettings(location=str(self.hub.folder), name="hub"),),
            data=self.hub.data,
            fetch=settings_for(self.origin, respect_robots=False, refetch_after_days=1),
            pages=PageSettings(**limits),
        )
        job = Job(found, moment=self.moment, say=lambda _: None, with_images=False)
        run_direct(refresh, job)


@pytest.fixture
def press(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Press]:
    with open_origin() as origin:
        press = Press(hub, origin)
        monkeypatch.setitem(BEHAVIOURS, "says", press.answer)
        yield press


def test_a_link_to_a_known_article_is_an_edge_while_it_is_there(press: Press) -> None:
    links = (
        '<a href="https://www.news.example/says/b?utm_source=x#top">More of b</a>'
        '<a href="/elsewhere">Else</a><a href="/says/a">Itself</a>'
    )
    press.said["a"] = links
    press.run()

    assert press.hub.ask(EDGES) == [("a", "b", False)]
    assert press.hub.ask(ANCHORS) == [
        ("http://news.example/elsewhere", "Else", False),
        ("https://www.news.example/says/b?utm_source=x", "More of b", True),
    ]

    press.said["a"] = ""
    press.run()

    assert press.hub.ask(EDGES) == [("a", "b", True)]
    assert press.hub.ask(ANCHORS) == []


def test_a_page_beyond_the_limits_is_a_row_with_its_reason(press: Press) -> None:
    press.run(seconds=0.001)

    said = {reason for _, reason in press.hub.ask(REASONS)}
    assert said == {"took longer than 0.001 s"}

    press.run()

    assert press.hub.ask(REASONS) == []
    assert press.hub.ask("select count(*) from pages") == [(2,)]


def test_a_page_has_twenty_seconds_and_two_gigabytes() -> None:
    assert PageSettings().seconds == 20
    assert PageSettings().memory_bytes == 2_000_000_000
