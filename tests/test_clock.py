"""A clock that is wrong, or was, changes neither the order of runs nor what is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.direct import run_direct
from flows.doctor import look, mend
from flows.refresh import refresh
from tasks.clock import is_jump, moment_after
from tasks.run import Job
from tasks.settings import Settings, SourceSettings
from tests.hub import Hub
from tests.origin import Origin, open_origin, settings_for

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEN_YEARS = 3_650 * DAY
LINK = "http://news.example"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with open_origin() as origin:
        yield origin


def settings_of(hub: Hub, origin: Origin) -> Settings:
    return Settings(
        sources=(SourceSettings(location=str(hub.folder), name="hub"),),
        data=hub.data,
        fetch=settings_for(origin, fallbacks=()),
    )


def run(hub: Hub, origin: Origin, moment: datetime) -> tuple[int, list[str]]:
    """Refresh by a clock that says *moment*; return how many pages were asked for."""
    origin.asked.clear()
    said: list[str] = []
    settings = settings_of(hub, origin)
    run_direct(refresh, Job(settings, moment=moment, say=said.append))
    return len(origin.paths()), [line for line in said if "by its clock" in line]


def three_pages(hub: Hub) -> None:
    for name in "abc":
        hub.write(f"{name}.md", webUrl=f"{LINK}/page/{name}", heat=1)


def test_a_clock_a_day_back_keeps_the_order_of_runs(hub: Hub, origin: Origin) -> None:
    three_pages(hub)
    run(hub, origin, NOW)
    hub.write("a.md", webUrl=f"{LINK}/page/a", heat=2)

    asked, said = run(hub, origin, NOW - DAY)
    hub.write("a.md", webUrl=f"{LINK}/page/a", heat=3)
    run(hub, origin, NOW - DAY + HOUR)

    assert (asked, said) == (0, [])
    started = hub.ask("select started_at from runs order by run_number")
    assert started == sorted(started)
    heats = "select heat from observations join documents using (document_id)"
    told = hub.ask(f"{heats} where path like '%a.md' order by observed_at")
    assert told == [(1,), (2,), (3,)]


def test_a_clock_ten_years_ahead_asks_for_nothing_in_a_storm_and_back_again(
    hub: Hub, origin: Origin
) -> None:
    three_pages(hub)
    assert run(hub, origin, NOW)[0] == 3

    ahead, said_ahead = run(hub, origin, NOW + TEN_YEARS)
    ahead_again, _ = run(hub, origin, NOW + TEN_YEARS + HOUR)
    back, said_back = run(hub, origin, NOW + HOUR)
    back_again, nothing = run(hub, origin, NOW + 2 * HOUR)

    assert [ahead, ahead_again, back, back_again] == [0, 0, 0, 0]
    assert "is spread over 30 days" in said_ahead[0]
    assert "is spread over 30 days" in said_back[0]
    assert nothing == []
    due = hub.ask("select min(next_fetch_at), max(next_fetch_at) from captures")
    assert NOW < due[0][0] <= due[0][1] < NOW + 31 * DAY
    assert sum(run(hub, origin, NOW + n * DAY)[0] for n in (20, 40)) == 3


def test_the_doctor_names_what_a_clock_ten_years_ahead_left_and_mends_it(
    hub: Hub, origin: Origin
) -> None:
    """Pages that were fetched then would be due in ten years."""
    three_pages(hub)
    run(hub, origin, NOW + TEN_YEARS)
    settings = settings_of(hub, origin)
    job = Job(settings, moment=NOW, say=lambda _: None, with_images=False)
    origin.asked.clear()

    (found,) = [found for found in look(job) if not found.is_well]
    mend(job)

    assert found.what == "clock"
    assert found.state == "run 1 was on 2035-12-31, by its clock; now it is 2026-01-02"
    assert "--mend" in found.advice
    assert all(found.is_well for found in look(job))
    assert origin.paths() == []
    due = hub.ask("select min(next_fetch_at), max(next_fetch_at) from captures")
    assert NOW < due[0][0] <= due[0][1] < NOW + 31 * DAY


@pytest.mark.parametrize("since", [-DAY, HOUR, 30 * DAY, TEN_YEARS])
def test_the_doctor_finds_no_fault_with_a_clock_that_may_be_right(
    hub: Hub, since: timedelta
) -> None:
    hub.write("a.md")
    hub.run(moment=NOW)

    found = look(Job(Settings(data=hub.data), moment=NOW + since))

    assert all(each.is_well for each in found)


def test_edges_are_known_again_that_are_older_than_their_article_by_a_wrong_clock(
    hub: Hub,
) -> None:
    link = {name: {"title": name, "webUrl": f"{LINK}/{name}"} for name in "bc"}
    hub.write("a.md", related=[link["b"]])
    hub.run(moment=NOW + TEN_YEARS)
    hub.write("a.md", related=[link["b"], link["c"]])
    hub.run(moment=NOW)

    hub.write("a.md", related=[link["c"]])
    hub.run(moment=NOW + HOUR)

    edges = hub.ask("select position, removed_at is null from related_edges")
    assert sorted(edges) == [(0, False), (0, True)]


def test_what_is_new_is_asked_for_whatever_the_clock_says(
    hub: Hub, origin: Origin
) -> None:
    three_pages(hub)
    run(hub, origin, NOW)
    hub.write("d.md", webUrl=f"{LINK}/page/d")

    asked, _ = run(hub, origin, NOW + TEN_YEARS)

    assert asked == 1


@pytest.mark.parametrize(
    ("clock", "moment"),
    [
        (NOW + HOUR, NOW + HOUR),
        (NOW, NOW),
        (NOW - HOUR, NOW + timedelta(microseconds=1)),
        (NOW - 3 * DAY, NOW - 3 * DAY),
    ],
)
def test_a_run_is_not_before_the_last_one_unless_that_was_days_ahead(
    clock: datetime, moment: datetime
) -> None:
    assert moment_after(clock, NOW) == moment
    assert moment_after(clock, None) == clock


@pytest.mark.parametrize(
    ("shift", "jumps"),
    [(HOUR, False), (300 * DAY, False), (400 * DAY, True), (-3 * DAY, True)],
)
def test_a_jump_is_what_no_schedule_explains(shift: Any, *, jumps: bool) -> None:
    assert is_jump(NOW + shift, NOW) is jumps
