"""Several runs on one warehouse: what is asked again, when, and what is left alone."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import duckdb
import pytest

from flows.direct import run_direct
from flows.refresh import read_every_page, refresh
from tasks.run import COLLECT_AFTER, Job, working_file
from tasks.settings import Settings, SourceSettings
from tasks.web import tries
from tests.hub import Hub
from tests.origin import (
    PAGE,
    Handler,
    Origin,
    open_black_hole,
    open_origin,
    settings_for,
)

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATE = 1.1  # waits are up to a tenth longer


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """Return a server that nobody has asked yet, and that recovers in no time."""
    monkeypatch.setattr(tries, "FIRST_WAIT_SECONDS", 0.01)
    with open_origin() as origin:
        yield origin


def run(
    hub: Hub,
    origin: Origin,
    moment: datetime,
    *,
    with_images: bool = False,
    **changes: Any,
) -> tuple[dict[str, Any], list[str]]:
    """Refresh at *moment*; return the summary and what was told."""
    origin.asked.clear()
    told: list[str] = []
    settings = Settings(
        sources=(SourceSettings(location=str(hub.folder), name="hub"),),
        data=hub.data,
        fetch=settings_for(origin, **{"fallbacks": (), **changes}),
    )
    job = Job(settings, with_images=with_images, moment=moment, say=told.append)
    return run_direct(refresh, job), told


def captures(hub: Hub, columns: str) -> list[tuple[Any, ...]]:
    """Return columns of all tries, in their order."""
    with duckdb.connect(str(working_file(hub.data)), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        statement = f"select {columns} from captures order by requested_at, attempt"  # noqa: S608 - our own names
        return warehouse.execute(statement).fetchall()


def test_an_article_that_no_file_speaks_of_any_more_is_not_asked_for(
    hub: Hub, origin: Origin
) -> None:
    hub.write("a.md", webUrl="http://news.example/status/500/old")
    run(hub, origin, START)
    hub.write("a.md", webUrl="http://news.example/page/new")

    summary, _ = run(hub, origin, START + DAY)

    assert summary["urls_due"] == 1
    assert [asked.path for asked in origin.asked if "robots" not in asked.path] == [
        "/page/new"
    ]


@pytest.mark.parametrize("rows", [1, 100])
def test_rows_are_packed_into_the_file_as_they_come(
    hub: Hub, origin: Origin, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Else a run would hold all of them in memory until its end."""
    monkeypatch.setattr("tasks.stages.pages.PACK_ROWS", rows)
    hub.write("a.md", webUrl="http://news.example/page")
    log = working_file(hub.data).with_suffix(".duckdb.wal")
    loose: list[bool] = []

    def say(line: str) -> None:
        if line.startswith("pages: "):
            loose.append(log.exists() and log.stat().st_size > 0)

    settings = Settings(
        sources=(SourceSettings(location=str(hub.folder), name="hub"),),
        data=hub.data,
        fetch=settings_for(origin),
    )
    run_direct(refresh, Job(settings, with_images=False, moment=START, say=say))

    assert loose == [rows > 1]


def test_a_run_leaves_the_search_for_cycles_as_it_was(hub: Hub, origin: Origin) -> None:
    """It searches seldom itself; whoever runs it may not want that."""
    hub.write("a.md", webUrl="http://news.example/page")
    usual = gc.get_threshold()
    meanwhile: list[int] = []
    settings = Settings(
        sources=(SourceSettings(location=str(hub.folder), name="hub"),), data=hub.data
    )
    job = Job(
        settings,
        with_pages=False,
        with_images=False,
        say=lambda _: meanwhile.append(gc.get_threshold()[0]),
    )
    run_direct(refresh, job)

    assert set(meanwhile) == {COLLECT_AFTER}
    assert gc.get_threshold() == usual


def test_a_page_is_asked_for_changes_after_the_usual_days(
    hub: Hub, origin: Origin
) -> None:
    hub.write("a.md", webUrl="http://news.example/conditional")
    first, _ = run(hub, origin, START)
    early, _ = run(hub, origin, START + 29 * DAY)
    assert origin.paths() == []
    again, _ = run(hub, origin, START + 30 * LATE * DAY)

    assert [s["captured"] for s in (first, early, again)] == [1, 0, 1]
    assert origin.asked[-1].headers["if-none-match"] == '"bees"'
    assert captures(hub, "outcome, warc_file is null") == [
        ("ok", False),
        ("not_modified", False),
    ]


def test_a_failing_page_is_asked_after_minutes_hours_and_days(
    hub: Hub, origin: Origin
) -> None:
    """Two tries of one run are one failure, and a success begins anew."""
    is_well = False

    def waver(it: Handler) -> None:
        it.say(200 if is_well else 500, PAGE)

    origin.hosts["news.example"] = waver
    hub.write("a.md", webUrl="http://news.example/a")
    moment, waits = START, []
    for round_ in range(6):
        is_well = round_ == 4
        _, _ = run(hub, origin, moment, attempts=2, respect_robots=False)
        assert len(origin.asked) == (1 if is_well else 2)
        due_at = captures(hub, "next_fetch_at")[-1][0]
        waits.append((due_at - moment) / HOUR)
        moment = due_at

    for wait, expected in zip(waits, [0.25, 1, 4, 16, 30 * 24, 0.25], strict=True):
        assert expected <= wait <= expected * LATE


def test_retry_after_is_kept_across_runs(hub: Hub, origin: Origin) -> None:
    """In seconds and as a date; the real clock counts, as it does for the host."""
    start = datetime.now(UTC)
    until = start + 3 * HOUR
    date = f"{until:%a, %d %b %Y %H:%M:%S} GMT"
    for number, value in enumerate((str(3 * 3600), date)):
        url = f"http://h{number}.example/once-busy/{value}"
        hub.write(f"{number}.md", webUrl=url)
    first, _ = run(hub, origin, start)
    early, _ = run(hub, origin, start + 2.9 * HOUR)
    assert origin.asked == []
    later, _ = run(hub, origin, start + 3.2 * HOUR)

    assert len(origin.paths()) == 2
    assert [s["urls_due"] for s in (first, early, later)] == [2, 0, 2]


def test_a_host_that_asked_for_rest_is_left_alone_by_the_next_runs_too(
    hub: Hub, origin: Origin
) -> None:
    """Whatever was told so: a page, an image or robots.txt; for pages and images."""

    def busy(it: Handler) -> None:
        it.say(503, Retry_After=str(3 * 3600))

    start = datetime.now(UTC)
    for number in range(3):
        hub.write(
            f"{number}.md",
            webUrl=f"http://busy.example/{number}",
            images=[{"url": f"http://www.busy.example/{number}.png"}],
        )
    hub.write("strict.md", webUrl="http://strict.example/a")
    hub.write(
        "well.md",
        webUrl="http://well.example/page",
        images=[{"url": "http://img.example/a.png"}],
    )
    origin.hosts["busy.example"] = origin.hosts["img.example"] = busy
    origin.robots["strict.example"] = busy

    first, _ = run(hub, origin, start, with_images=True)
    asked = {a.host for a in origin.asked if a.path != "/robots.txt"}
    assert asked == {"busy.example", "img.example", "well.example"}
    assert (first["captured"], first["failed"], first["deferred"]) == (1, 2, 2)
    hub.write("late.md", webUrl="http://img.example/late")

    for hours, due in ((0.1, 3), (2.9, 4)):
        again, told = run(hub, origin, start + hours * HOUR, with_images=True)
        assert origin.asked == []
        assert again["deferred"] == again["urls_due"] == due
        words = "busy.example answered 503 Service Unavailable and asked for rest until"
        lines = [line for line in told if line.startswith(words)]
        deferred = [line.rpartition("; ")[2] for line in lines]
        assert deferred == ["2 pages deferred", "3 images deferred"]

    origin.hosts.clear()
    origin.robots.clear()
    later, _ = run(hub, origin, start + 3.4 * HOUR, with_images=True)
    assert (later["captured"], later["deferred"]) == (5, 0)
    assert len([path for path in origin.paths() if path.endswith(".png")]) == 4


def test_a_page_that_is_gone_is_asked_for_ever_more_seldom(
    hub: Hub, origin: Origin
) -> None:
    """Also one that an archive has: its origin is asked, but not each month."""
    hub.write("gone.md", webUrl="http://news.example/status/410")
    hub.write("saved.md", webUrl="http://news.example/status/404")
    origin.hosts["archive.example"] = lambda it: it.say(
        200 if it.path.endswith("404") else 404, PAGE
    )
    archive: dict[str, Any] = {
        "fallbacks": ("archive",),
        "archive_url": "http://archive.example/{url}",
    }
    for days in (0, 33, 33 + 66):
        run(hub, origin, START + days * DAY, **archive)
        assert set(origin.paths()) >= {"/status/404", "/status/410"}
    run(hub, origin, START + (33 + 66 + 100) * DAY, **archive)

    assert origin.paths() == []


def test_the_validators_of_another_spelling_are_not_sent(
    hub: Hub, origin: Origin
) -> None:
    """An article may change its address and stay the same article."""
    hub.write("a.md", webUrl="http://www.news.example/conditional")
    run(hub, origin, START)
    hub.write("a.md", webUrl="http://news.example/conditional")
    summary, _ = run(hub, origin, START + 34 * DAY)

    assert summary["captured"] == 1
    assert "if-none-match" not in origin.asked[-1].headers


def test_pages_of_a_host_that_rests_are_left_to_the_next_run(
    hub: Hub, origin: Origin
) -> None:
    """They are told in one line, counted, and come first the next time."""
    for number in range(12):
        hub.write(f"{number}.md", webUrl=f"http://ill.example/status/500?{number}")
    hub.write("well.md", webUrl="http://well.example/page")
    summary, told = run(hub, origin, START, rest_after_failures=4)
    ill = [path for path in origin.paths() if path.startswith("/status")]

    assert len(ill) == 4
    assert summary["urls_due"] == 13
    assert (summary["captured"], summary["failed"], summary["deferred"]) == (1, 4, 8)
    assert len(captures(hub, "url")) == 5
    words = "ill.example rests after 4 failures in a row, the last: answered 500"
    assert [line for line in told if line.startswith("ill.example")] == [
        f"{words} Internal Server Error; 8 pages deferred"
    ]

    summary, _ = run(hub, origin, START + MINUTE, rest_after_failures=4)
    assert (summary["urls_due"], summary["failed"], summary["deferred"]) == (8, 4, 4)
    assert not {*ill} & {*origin.paths()}


@pytest.mark.parametrize(
    ("respect_robots", "dials", "failed"), [(True, 3, 50), (False, 4, 2)]
)
def test_a_dead_host_delays_nobody_and_is_soon_left_alone(
    hub: Hub,
    origin: Origin,
    monkeypatch: pytest.MonkeyPatch,
    *,
    respect_robots: bool,
    dials: int,
    failed: int,
) -> None:
    """Its 50 pages of 3 tries each cost as many dials as its rules allow, or a rest."""
    dialled: list[str] = []
    connect = socket.socket.connect

    def record(self: socket.socket, address: tuple[str, int]) -> None:
        dialled.append(f"{address[0]}:{address[1]}")
        connect(self, address)

    for number in range(50):
        hub.write(f"a{number}.md", webUrl=f"http://a-dead.example/{number}")
    for number in range(20):
        hub.write(f"h{number}.md", webUrl=f"http://h{number}.example/page")
    with open_black_hole() as nowhere:
        monkeypatch.setattr(socket.socket, "connect", record)
        summary, told = run(
            hub,
            origin,
            START,
            connect_to={"a-dead.example": nowhere, "*.example": origin.address},
            respect_robots=respect_robots,
            connect_seconds=0.3,
            attempts=3,
            rest_after_failures=4,
            concurrency=2,
            batch_size=10,
        )

    assert dialled.count(nowhere) == dials
    assert (summary["captured"], summary["failed"]) == (20, failed)
    assert summary["deferred"] == 50 - failed
    words = "no connection to a-dead.example:80 within 0.3 s"
    rows = captures(hub, "url, outcome, reason")
    assert {(o, words in r) for u, o, r in rows if "dead" in u} == {("timeout", True)}
    assert len([line for line in told if "dead.example rests after 4" in line]) == (
        0 if respect_robots else 1
    )
    # Others were asked while the first dial of the dead one was waited for.
    first, second, *_ = [n for n, host in enumerate(dialled) if host == nowhere]
    assert second - first > 5


def test_captures_that_are_damaged_are_named_and_rejected(
    hub: Hub, origin: Origin
) -> None:
    """By address, file and place; the others are read again, and nothing is lost."""
    for number in range(13):
        hub.write(f"{number}.md", webUrl=f"http://h{number}.example/page")
    run(hub, origin, START)
    kept = captures(hub, "url, warc_file, warc_offset")
    kept.sort(key=itemgetter(2))  # hosts that are asked at once answer in any order
    path = hub.data / "captures" / kept[0][1]
    content = bytearray(path.read_bytes())
    for _, _, offset in kept[:-1]:
        content[offset + 40] ^= 0xFF
    path.write_bytes(content)

    told: list[str] = []
    job = Job(Settings(data=hub.data), moment=START + DAY, say=told.append)
    summary = run_direct(read_every_page, job)

    for url, file, offset in kept[:10]:
        begins = f"the capture of {url} is damaged: {file} at byte {offset}: "
        assert [line for line in told if line.startswith(begins)]
    assert "… and 2 more captures that are damaged, see rejections" in told
    assert summary["pages"] == 1
    question = "select subject, detail from rejections where resolved_at is null"
    assert sorted(url for url, *_ in kept[:-1]) == sorted(
        url for url, detail in hub.ask(question) if f"{path.name} at byte" in detail
    )
    assert hub.ask("select count(*) from pages") == [(13,)]


@pytest.mark.parametrize("is_online", [False, True])
def test_names_that_do_not_exist_may_exist_soon_where_nobody_answers(
    hub: Hub, origin: Origin, monkeypatch: pytest.MonkeyPatch, *, is_online: bool
) -> None:
    """Of a machine that is cut off, the resolver may know no name; the run says so."""

    def no_name(host: str, *_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, f"{host}: not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    above = "http://news.example/redirect/" if is_online else ""
    for number in range(5):
        hub.write(f"{number}.md", webUrl=f"{above}http://h{number}.invalid/a")
    _, told = run(hub, origin, START, attempts=1)

    rows = captures(hub, "outcome, next_fetch_at")
    assert {outcome for outcome, _ in rows} == {"dns_error"}
    assert {due_at - START < HOUR for _, due_at in rows} == {not is_online}
    assert any("not one host answered" in line for line in told) == (not is_online)
