"""What analysts ask most has a view or macro, which answers right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.hub import MOMENT, Hub, related

SITE = "https://news.example"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A chain of articles a → b → c → d of two providers, one of which grows hotter."""
    hub = Hub(tmp_path_factory.mktemp("questions"))
    lantern = {"name": "Lantern", "domain": "lantern.example"}
    gazette = {"name": "Gazette", "domain": "gazette.example"}
    hub.write(
        "a.md", title="Ice in Ålesund", excerpt="Sea ice, early", heat=1,
        provider=lantern, related=related("b", provider=gazette),
        publishedDateTime="2026-01-02T00:04:05Z",
    )  # fmt: skip
    hub.write("b.md", title="Ferries wait", provider=gazette, related=related("c"))
    hub.write("c.md", title="海の氷", provider=gazette, related=related("d"))
    hub.write("d.md", title="Ices are sold", provider=lantern)
    hub.run()
    hub.write(
        "a.md", title="Ice in Ålesund", excerpt="Sea ice, early", heat=9,
        provider=lantern, related=related("b", provider=gazette),
        publishedDateTime="2026-01-02T00:04:05Z",
    )  # fmt: skip
    hub.write(
        "e.md", title="A late file", provider=lantern,
        publishedDateTime=f"{MOMENT - timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}",
    )  # fmt: skip
    hub.run(moment=MOMENT + timedelta(hours=1))
    return hub


def ask(hub: Hub, statement: str, *values: str) -> list[tuple[Any, ...]]:
    """Ask as any client does: no setting, no extension."""
    with duckdb.connect(str(hub.data / "news.duckdb"), read_only=True) as client:
        return client.execute(statement, values).fetchall()


def test_a_heat_curve_tells_each_rise(hub: Hub) -> None:
    curve = ask(hub, "select heat, heat_rise from heat_curve(?)", f"{SITE}/a")

    assert curve == [(1, None), (9, 8)]


def test_a_story_is_all_within_two_edges(hub: Hub) -> None:
    story = ask(hub, "select distance, title from story(?)", f"{SITE}/a")

    assert story == [(0, "Ice in Ålesund"), (1, "Ferries wait"), (2, "海の氷")]


def test_a_story_follows_edges_in_both_ways(hub: Hub) -> None:
    story = ask(hub, "select distance, title from story(?) order by all", f"{SITE}/c")

    assert story == [
        (0, "海の氷"), (1, "Ferries wait"), (1, "Ices are sold"),
        (2, "Ice in Ålesund"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("ice", ["Ice in Ålesund", "Ices are sold"]),
        ("ICE alesund", ["Ice in Ålesund", "Ices are sold"]),
        ("氷", ["海の氷"]),
        ("nothing-of-this", []),
        ("", []),
        ("'100% \\ (.*", []),
    ],
)
def test_a_search_ranks_what_holds_the_words(
    hub: Hub, words: str, titles: list[str]
) -> None:
    found = ask(hub, "select title from search(?)", words)

    assert [row[0] for row in found] == titles


def test_providers_that_tell_the_same_stories_are_a_pair(hub: Hub) -> None:
    found = ask(
        hub, "select provider, other_provider, pairs_of_articles from coverage_overlap"
    )

    assert [(sorted(names), count) for *names, count in found] == [
        (["Gazette", "Lantern"], 2)
    ]


def test_a_provider_is_told_how_soon_its_articles_were_seen(hub: Hub) -> None:
    """Where that is known: what the first run found may have been there for years."""
    found = ask(
        hub,
        "select median_delay_hours, share_repaired from provider_overview"
        " where provider = 'Lantern'",
    )

    assert found == [(5.0, 0.0)]


TRIES = [  # title, attempt, route, outcome: a row each; the last try tells what is so
    ("a", 1, "origin", "ok"),  # it was there, and is not any more
    ("a", 2, "origin", "http_error"),
    ("a", 3, "archive", "http_error"),
    ("b", 1, "origin", "timeout"),
    ("b", 2, "amp", "http_error"),
    ("b", 3, "cdn_amp", "ok"),
    ("c", 1, "origin", "http_error"),
    ("c", 2, "amp", "not_modified"),
    ("d", 1, "origin", "http_error"),  # it came back
    ("d", 2, "origin", "ok"),
]


@pytest.fixture
def asked(tmp_path: Path) -> Hub:
    """Four articles of one provider that were asked for, and one that was not."""
    hub = Hub(tmp_path)
    lantern = {"name": "Lantern", "domain": "lantern.example"}
    for title in "abcde":
        hub.write(
            f"{title}.md", provider=lantern, topics=["Sea"],
            publishedDateTime="2023-12-31T23:30:00Z",
        )  # fmt: skip
    hub.run()
    with duckdb.connect(str(hub.data / "news.duckdb")) as file:
        file.executemany(
            "insert into captures by name select uuid() as capture_id, article_id,"
            " url, $2 as attempt, $3 as via, $4 as outcome, url as final_url,"
            " timestamptz '2026-01-02 00:00:00Z' as requested_at,"
            " 'answered 404' as reason, 1 as elapsed_ms, now() as next_fetch_at"
            " from articles where title = $1",
            TRIES,
        )
    return hub


def test_link_rot_tells_what_stood_at_the_last_try_and_what_saved_the_rest(
    asked: Hub,
) -> None:
    (found,) = ask(asked, "select * exclude (provider_id) from link_rot")

    assert found == ("Lantern", 2023, 2, 4, 1, 1, 1, 0, 1, 0.25)


def test_failures_and_link_rot_count_the_same_pages_as_lost(asked: Hub) -> None:
    found = ask(
        asked, "select count, example_subject from failures where stage = 'page'"
    )

    assert found == [(1, f"{SITE}/a")]


def test_a_provider_is_told_how_many_of_its_pages_still_stand(asked: Hub) -> None:
    found = ask(
        asked,
        "select articles, asked, living_pages, share_living from provider_overview",
    )

    assert found == [(5, 4, 1, 0.25)]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_days_and_years_are_those_of_utc_wherever_the_client_is(
    asked: Hub, zone: str
) -> None:
    with duckdb.connect(str(asked.data / "news.duckdb"), read_only=True) as client:
        client.execute(f"set TimeZone = '{zone}'")
        days = client.execute(
            "select published_on::varchar, articles from topic_timeline"
        ).fetchall()
        years = client.execute("select published_in from link_rot").fetchall()

    assert days == [("2023-12-31", 5)]
    assert years == [(2023,)]


def test_every_macro_is_explained_in_the_file(hub: Hub) -> None:
    folder = Path(__file__).parents[1] / "tasks" / "sql" / "macros"
    told = dict(
        ask(
            hub,
            "select function_name, comment from duckdb_functions()"
            " where function_type = 'table_macro' and not internal",
        )
    )

    assert set(told) == {path.stem for path in folder.iterdir()}
    assert all(told.values())
