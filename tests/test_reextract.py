"""All captures are read again; what is stopped goes on where it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from flows.direct import run_direct
from flows.refresh import read_every_page, refresh
from tasks.run import Job
from tasks.settings import Settings, SourceSettings
from tasks.stages import pages
from tasks.warehouse import engine, working
from tests.hub import MOMENT, Hub
from tests.origin import BEHAVIOURS, Handler, open_origin, settings_for

PAGES = 6
BATCH = 2
READ = "select read_at, count(*) from pages group by read_at order by read_at"
LATER = MOMENT + timedelta(hours=1)


class Reading:
    """A data directory with captures, and what readings of them told."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.told: list[tuple[str, int, int]] = []
        self.lines: list[str] = []

    def capture(self) -> None:
        """Run once, from a press site that is gone afterwards."""
        for number in range(PAGES):
            self.hub.write(f"{number}.md", webUrl=f"http://news.example/says/{number}")
        with open_origin() as origin:
            fetch = settings_for(origin, respect_robots=False)
            run_direct(refresh, self.job(fetch=fetch))

    def job(self, hours: int = 0, **settings: Any) -> Job:
        """Return a job that many hours later, without images."""
        place = SourceSettings(location=str(self.hub.folder), name="hub")
        found = Settings(sources=(place,), data=self.hub.data, **settings)
        moment = MOMENT + timedelta(hours=hours)
        return Job(found, moment=moment, say=self.lines.append, with_images=False)

    def again(self, hours: int, stop_at: int = -1) -> int:
        """Read all again, unless stopped; return how many there were to read."""
        self.told.clear()
        self.lines.clear()

        def tell(stage: str, done: int, total: int) -> None:
            self.told.append((stage, done, total))
            if done == stop_at:
                raise KeyboardInterrupt

        run_direct(read_every_page, replace(self.job(hours), progress=tell))
        return max(total for _, _, total in self.told)


def _answer(it: Handler, path: str) -> None:
    words = f"The {path} page. " * 30
    it.say(200, f"<html><body><article><p>{words}</article></html>".encode())


@pytest.fixture
def reading(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Six captured pages, read two at a time."""
    monkeypatch.setitem(BEHAVIOURS, "says", _answer)
    monkeypatch.setattr(pages, "BATCH_EXTRACTIONS", BATCH)
    reading = Reading(hub)
    reading.capture()
    return reading


def test_all_captures_are_read_again_and_it_is_shown_how_far(reading: Reading) -> None:
    assert reading.again(hours=1) == PAGES

    shown = [done for stage, done, _ in reading.told if stage == "reading pages"]
    assert shown == list(range(PAGES + 1))
    assert reading.hub.ask(READ) == [(LATER, PAGES)]


def test_what_was_stopped_goes_on_where_it_was(reading: Reading) -> None:
    with pytest.raises(KeyboardInterrupt):
        reading.again(hours=1, stop_at=BATCH + 1)

    assert reading.again(hours=2) == PAGES - BATCH
    assert reading.lines[0] == (
        "going on with what began at 2026-01-02 04:04 UTC:"
        " 4 captures are left to read again"
    )
    assert reading.hub.ask(READ) == [
        (LATER, BATCH),
        (LATER + timedelta(hours=1), PAGES - BATCH),
    ]


def test_once_all_are_read_all_are_read_again(reading: Reading) -> None:
    with pytest.raises(KeyboardInterrupt):
        reading.again(hours=1, stop_at=BATCH + 1)
    reading.again(hours=2)

    assert reading.again(hours=3) == PAGES
    assert not [line for line in reading.lines if "going on" in line]


def test_a_refresh_in_between_reads_no_page_that_was_read(reading: Reading) -> None:
    with pytest.raises(KeyboardInterrupt):
        reading.again(hours=1, stop_at=BATCH + 1)

    run_direct(refresh, reading.job(hours=1))

    assert reading.again(hours=2) == PAGES - BATCH


def test_pages_without_a_moment_of_reading_are_read_again(reading: Reading) -> None:
    with pytest.raises(KeyboardInterrupt):
        reading.again(hours=1, stop_at=BATCH + 1)
    with duckdb.connect(str(reading.hub.data / "warehouse/working.duckdb")) as file:
        file.execute("update pages set read_at = null")  # as in an earlier schema

    assert reading.again(hours=2) == PAGES


def test_rows_are_kept_where_duckdb_gives_no_memory_back(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB aborts a transaction inside of which a limit is below what it holds."""
    monkeypatch.setattr(working, "FORGET_BYTES", 0)
    monkeypatch.setattr(engine, "KEPT", "1KB")

    assert reading.again(hours=1) == PAGES
    assert reading.hub.ask(READ) == [(LATER, PAGES)]
