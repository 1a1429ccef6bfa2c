"""Articles whose pages claim one canonical address are one, and told so by an edge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tasks.settings import Settings, SourceSettings
from tests.hub import MOMENT, Hub
from tests.origin import BEHAVIOURS, Handler, Origin, open_origin, settings_for

EDGES = """
select source.url_key, target.url_key, removed_at is not null
from related_edges
join articles as source on source.article_id = source_article_id
join articles as target on target.article_id = target_article_id
where kind = 'duplicate' order by all
"""


class Site:
    """A hub whose linked pages each claim an address."""

    def __init__(self, hub: Hub, origin: Origin) -> None:
        self.hub = hub
        self.claims: dict[str, str] = {}
        self.moment = MOMENT
        self.settings = Settings(
            sources=(SourceSettings(location=str(hub.folder), name="hub"),),
            data=hub.data,
            fetch=settings_for(origin, respect_robots=False, refetch_after_days=1),
        )

    def answer(self, it: Handler, path: str) -> None:
        """Show a page that claims what was set for its path."""
        claim = self.claims.get(path, "")
        words = f"The {path} page. " * 30
        head = f"<title>{path}</title><link rel=canonical href='{claim}'>"
        body = f"<html><head>{head}</head><body><article><p>{words}</article></html>"
        it.say(200, body.encode())

    def run(self, **claims: str) -> list[tuple[Any, ...]]:
        """Write an article a claim, run, and return the edges between duplicates."""
        for name, claim in claims.items():
            url = f"http://news.example/says/{name}"
            self.hub.write(f"{name}.md", webUrl=url)
            self.claims[name] = claim
        self.moment += timedelta(days=9)  # so all pages are due again
        options: dict[str, Any] = {"say": lambda _: None, "with_images": False}
        run_direct(refresh, Job(self.settings, moment=self.moment, **options))
        start = "https://news.example/says/"
        return [
            (a.removeprefix(start), b.removeprefix(start), gone)
            for a, b, gone in self.hub.ask(EDGES)
        ]


@pytest.fixture
def site(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Open a press site for a hub."""
    with open_origin() as origin:
        site = Site(hub, origin)
        monkeypatch.setitem(BEHAVIOURS, "says", site.answer)
        yield site


def test_articles_that_claim_one_address_lead_to_the_one_that_has_it(
    site: Site,
) -> None:
    claim = "https://www.news.example/says/b?utm_source=x"

    edges = site.run(a=claim, b=claim, c="/says/c")

    assert edges == [("a", "b", False)]
    keys = site.hub.ask(
        "select canonical_key, count(*) from pages group by 1 order by 1"
    )
    start = "https://news.example/says/"
    assert keys == [(f"{start}b", 2), (f"{start}c", 1)]
    assert site.hub.ask("select count(*) from articles") == [(3,)]


def test_where_no_article_has_the_address_one_stands_for_the_others(site: Site) -> None:
    edges = site.run(a="/2026/story", b="/2026/story", c="/2026/story")

    assert edges == [("b", "a", False), ("c", "a", False)]


@pytest.mark.parametrize(
    "claim",
    [
        "/",
        "http://news.example/en/",
        "https://other.example/says/a",
        "mailto:x",
        "https://",
    ],
)
def test_a_claim_that_cannot_be_true_makes_no_duplicates(
    site: Site, claim: str
) -> None:
    assert site.run(a=claim, b=claim) == []
    assert site.hub.ask("select distinct canonical_key from pages") == [(None,)]


def test_what_too_many_claim_is_a_mistake_of_the_template(site: Site) -> None:
    assert site.run(**dict.fromkeys("abcdef", "/section/news")) == []


def test_articles_that_are_told_apart_again_keep_their_edge_as_history(
    site: Site,
) -> None:
    site.run(a="/story", b="/story")

    assert site.run(b="/other") == [("b", "a", True)]
    assert site.run(b="/story") == [("b", "a", False)]
