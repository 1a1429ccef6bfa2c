"""The story of an article is found by any of its addresses, and told whole."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from tasks.run import VERSION
from tasks.urls import url_key
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.published import open_published
from tests.hub import MOMENT, Hub, related

SITE = "https://news.example"
AMP = "https://amp.news.example/story.amp"


@pytest.fixture
def known(hub: Hub) -> Hub:
    """An article that was asked for and read in a later run, and redirected."""
    hub.write("a.md", ampWebUrl=AMP)
    hub.run()
    later = MOMENT + timedelta(hours=1)
    hub.run(moment=later)
    with duckdb.connect(str(hub.data / "news.duckdb")) as file:
        file.execute(
            """
            insert into captures by name
            select
                uuid() as capture_id, article_id, url, 'origin' as via, 1 as attempt,
                $at as requested_at, 'https://news.example/a-final' as final_url,
                'ok' as outcome, '' as reason, 1 as elapsed_ms, now() as next_fetch_at
            from articles
            """,
            {"at": later + timedelta(minutes=2)},
        )
        file.execute(
            """
            insert into pages by name
            select
                article_id, capture_id, [] as authors, '' as text, 0 as word_count,
                'utf-8' as encoding, 'bom' as encoding_source, [] as flags,
                'https://news.example/a-canonical' as canonical_url, $at as read_at
            from captures
            """,
            {"at": later},
        )
    return hub


@pytest.mark.parametrize(
    "address", [f"{SITE}/a", AMP, f"{SITE}/a-final", f"{SITE}/a-canonical"]
)
def test_an_article_is_found_by_every_address_it_is_known_by(
    known: Hub, address: str
) -> None:
    with open_published(known.data / "news.duckdb") as warehouse:
        told = warehouse.explain(address, url_key(address))

    assert [row["url"] for row in told["article"]] == [f"{SITE}/a"]


def test_an_address_that_nobody_knows_is_no_article(known: Hub) -> None:
    with (
        open_published(known.data / "news.duckdb") as warehouse,
        pytest.raises(WarehouseError, match="no article of the warehouse"),
    ):
        warehouse.explain("https://else.example/", "https://else.example/")


def test_tries_and_pages_are_traced_to_the_run_that_made_them(known: Hub) -> None:
    with open_published(known.data / "news.duckdb") as warehouse:
        told = warehouse.explain(f"{SITE}/a", url_key(f"{SITE}/a"))

    (capture,), (page,) = told["captures"], told["page"]
    assert (capture["in_run"], capture["by_version"]) == (2, VERSION)
    assert (page["read_in_run"], page["by_version"]) == (2, VERSION)


def test_every_edge_is_told_however_many_there_are(hub: Hub) -> None:
    hub.write("a.md", related=related(*(f"other-{n}" for n in range(50))))
    hub.run()

    with open_published(hub.data / "news.duckdb") as warehouse:
        told = warehouse.explain(f"{SITE}/a", url_key(f"{SITE}/a"))

    assert len(told["edges"]) == 50
