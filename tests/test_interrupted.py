"""Fetching that is stopped anywhere: nothing is lost, and nothing asked for twice."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.direct import run_direct
from flows.refresh import refresh
from tasks.captures import CaptureWriter, read_capture, read_rows
from tasks.models import WarcPlace
from tasks.run import Job
from tasks.settings import Settings, SourceSettings
from tasks.stages import pages
from tasks.warehouse.pages import PageTables
from tests.faults.killed_fetch import POINTS
from tests.hub import Hub
from tests.origin import PAGE, Origin, open_origin, settings_for

ROOT = Path(__file__).parents[1]
HOSTS, PAGES = 12, 6
STOP_SECONDS = 2.0


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return a server that nobody has asked yet."""
    with open_origin() as origin:
        yield origin


@pytest.fixture
def slow_hub(hub: Hub) -> Hub:
    """Return a hub of pages that take their time, some of them more than any run."""
    for host in range(HOSTS):
        for number in range(PAGES):
            url = f"http://h{host}.example/silent/0.1?{number}"
            hub.write(f"{host}-{number}.md", webUrl=url)
    hub.write("drips.md", webUrl="http://drips.example/slow-body/1")
    hub.write("mute.md", webUrl="http://mute.example/silent/9")
    return hub


def start(
    hub: Hub, origin: Origin, *, limit_bytes: int | None = None
) -> subprocess.Popen[str]:
    """Begin a run of the command, with *origin* for the whole web.

    No file that it writes may have more than *limit_bytes*.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WIREHOUSE_")}
    program = Path(sys.executable).with_name("wirehouse")
    limit = limit_bytes // 512 if limit_bytes else "unlimited"  # in blocks (POSIX)
    return subprocess.Popen(
        ["/bin/sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh", program, "run",
         "--source", "hub", "--no-images", "--direct", "--json"],
        cwd=hub.folder.parent, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={
            **kept,
            "WIREHOUSE_FETCH__CONNECT_TO": json.dumps({"*.example": origin.address}),
            "WIREHOUSE_FETCH__PER_HOST_DELAY_SECONDS": "0",
            "WIREHOUSE_FETCH__TOTAL_SECONDS": "2",
            "WIREHOUSE_FETCH__ATTEMPTS": "1",
            "WIREHOUSE_FETCH__FALLBACKS": "[]",
            "WIREHOUSE_FETCH__REST_AFTER_FAILURES": "99",
        },
    )  # fmt: skip


def ask(hub: Hub, statement: str) -> list[tuple[Any, ...]]:
    """Ask the working file."""
    path = str(hub.data / "warehouse" / "working.duckdb")
    with duckdb.connect(path, read_only=True) as working:
        return working.execute(statement).fetchall()


def captured(hub: Hub) -> set[str]:
    """Return the pages that are on record as captured."""
    rows = ask(hub, "select url from captures where outcome = 'ok'")
    return {url for (url,) in rows}


def on_record(hub: Hub) -> set[str]:
    """Return the pages that have a row."""
    path = str(hub.data / "warehouse" / "working.duckdb")
    with duckdb.connect(path, read_only=True) as working:
        return {
            url for (url,) in working.execute("select url from captures").fetchall()
        }


def outcomes(hub: Hub) -> list[str]:
    """Return the outcome of each try on record."""
    return [outcome for (outcome,) in ask(hub, "select outcome from captures")]


def assert_all_can_be_read(hub: Hub) -> None:
    """No file is torn or open, and every row names what it says."""
    folder = hub.data / "captures"
    assert not list(folder.glob("*.open"))
    statement = "select warc_file, warc_offset, warc_length, url from captures"
    for *place, url in ask(hub, f"{statement} where warc_file is not null"):
        assert read_capture(folder, WarcPlace(*place)).url == url
    for path in folder.iterdir():
        assert max(end for end, _ in read_rows(path)) == path.stat().st_size


def books(hub: Hub) -> list[tuple[str, dict[str, Any]]]:
    """Return how each run ended and what it counted."""
    rows = ask(hub, "select status, summary from runs order by run_number")
    return [(status, json.loads(summary or "{}")) for status, summary in rows]


def balances(summary: dict[str, Any]) -> bool:
    """Tell whether each page that was due has one fate."""
    fates = sum(summary[fate] for fate in ("captured", "failed", "deferred"))
    return bool(fates == summary["urls_due"])


def asked(origin: Origin) -> Counter[str]:
    """Return how often each page was asked for."""
    urls = (f"http://{a.host}{a.path}" for a in origin.asked)
    return Counter(url for url in urls if not url.endswith("/robots.txt"))


def test_signals_stop_fetching_at_once_and_the_next_run_goes_on(
    slow_hub: Hub, origin: Origin
) -> None:
    """Ctrl-C, then SIGTERM, then nothing; whatever the hosts do at that moment."""
    known: set[str] = set()
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        before = asked(origin)
        said, seconds = stop(slow_hub, origin, number, status)

        assert said.splitlines()[-1].startswith("wirehouse: stopped; what was done is")
        assert "Traceback" not in said
        assert seconds < STOP_SECONDS
        kept, new = captured(slow_hub), asked(origin) - before
        # One page of each host was under way, and one was being written.
        assert len(kept - known) >= new.total() - (HOSTS + 2) - 1
        assert not known & set(new)
        *_, (ending, summary) = books(slow_hub)
        assert (ending, balances(summary)) == ("broken", True)
        assert summary["captured"] == len(kept - known) > 0
        assert_all_can_be_read(slow_hub)
        known = kept

    before = asked(origin)
    run = start(slow_hub, origin)
    summary = json.loads(run.communicate(timeout=60)[0])
    assert (run.returncode, balances(summary)) == (0, True)
    assert summary["urls_due"] == HOSTS * PAGES + 2 - len(known)
    assert summary["captured"] == HOSTS * PAGES - len(known)
    assert not known & set(asked(origin) - before)
    assert len(captured(slow_hub)) == HOSTS * PAGES


def stop(
    hub: Hub, origin: Origin, number: signal.Signals, status: int
) -> tuple[str, float]:
    """Stop a run that fetches; return what it said and how long it took to end."""
    run = start(hub, origin)
    before = len(origin.paths())
    while len(origin.paths()) < before + HOSTS * PAGES // 3 and run.poll() is None:
        time.sleep(0.01)
    sent = time.monotonic()
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == status
    return said, time.monotonic() - sent


def strike(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Interrupt the run once, when a function has just returned."""
    function, calls = getattr(owner, name), itertools.count(1)

    def struck(*values: Any) -> Any:
        answer = function(*values)
        if next(calls) == 1:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(owner, name, struck)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (pages, "_capture"),
        (pages, "_due_at"),
        (CaptureWriter, "note"),
        (PageTables, "put_captures"),
        (pages, "_count_pages"),
    ],
)
def test_a_page_that_answered_is_kept_wherever_an_interrupt_strikes(
    hub: Hub, origin: Origin, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    """Its answer was taken: between there and the table nothing may be lost."""
    for number in range(4):
        hub.write(f"{number}.md", webUrl=f"http://news.example/page?{number}")
    fetch = settings_for(origin, fallbacks=(), per_host_concurrency=1)
    place = SourceSettings(location=str(hub.folder), name="hub")
    settings = Settings(sources=(place,), data=hub.data, fetch=fetch)
    job = Job(settings, with_images=False, say=lambda _: None)
    with monkeypatch.context() as patch:
        strike(patch, owner, name)
        with pytest.raises(KeyboardInterrupt):
            run_direct(refresh, job)

    known = captured(hub)
    [(ending, summary)] = books(hub)
    assert (ending, balances(summary)) == ("broken", True)
    # What ended as the network was closed was not taken: one page at most.
    assert known
    assert len(known) >= asked(origin).total() - 1
    assert_all_can_be_read(hub)
    before = asked(origin)
    summary = run_direct(refresh, job)
    assert balances(summary)
    assert summary["captured"] == summary["urls_due"] == 4 - len(known)
    assert not known & set(asked(origin) - before)


BODY = 300_000  # bytes that hardly compress, where no reader of pages looks
PLACE = 8_000_000  # bytes a file may have: more than the warehouse needs, not the WARC


def test_a_full_disk_ends_fetching_in_one_line_and_the_next_run_goes_on(
    hub: Hub, origin: Origin
) -> None:
    draw = random.Random(0)  # noqa: S311 - nothing to keep secret
    noise = b"<script>" + b64encode(draw.randbytes(BODY)) + b"</script>"
    for host in range(8):
        name = f"h{host}.example"
        origin.hosts[name] = lambda it: it.say(200, PAGE + it.path.encode() + noise)
        for number in range(5):
            hub.write(f"{host}-{number}.md", webUrl=f"http://{name}/{number}")

    full = start(hub, origin, limit_bytes=PLACE)
    _, said = full.communicate(timeout=60)

    assert full.returncode == 1
    line = said.splitlines()[-1]
    assert re.fullmatch(
        r"wirehouse: data/captures/\S+.warc.gz.open: file too large;"
        r" what was done is kept: make room, and the next run goes on",
        line,
    )
    assert "Traceback" not in said
    kept = on_record(hub)
    assert 5 < len(kept) < 40
    assert_all_can_be_read(hub)
    [(ending, summary)] = books(hub)
    assert (ending, balances(summary)) == ("broken", True)
    assert summary["captured"] == len(kept)

    before = asked(origin)
    room = start(hub, origin)
    summary = json.loads(room.communicate(timeout=60)[0])
    assert (room.returncode, balances(summary)) == (0, True)
    assert summary["captured"] == 40 - len(kept)
    assert not kept & set(asked(origin) - before)
    assert_all_can_be_read(hub)
    assert len(outcomes(hub)) == 40


def write_news(hub: Hub, number: int) -> None:
    """Write 16 more articles of 8 hosts; of 8 of them the page is gone."""
    for host in range(8):
        for what in ("silent/0.01", "status/404"):
            url = f"http://h{host}.example/{what}?{number}"
            hub.write(f"{host}-{number}-{what[:2]}.md", webUrl=url)


def noted(hub: Hub) -> set[str]:
    """Return the pages whose rows are whole on the disk, wherever."""
    files = sorted((hub.data / "captures").glob("*.open"))
    rows = [row for file in files for _, rows in read_rows(file) for row in rows]
    return {row.url for row in rows} | on_record(hub)


def test_after_a_kill_anywhere_no_page_is_lost_or_asked_for_again(
    hub: Hub, origin: Origin
) -> None:
    """One run after the other dies, each at another point, until one may end."""
    program = [sys.executable, "-m", "tests.faults.killed_fetch"]
    with subprocess.Popen(
        [*program, hub.folder.parent, origin.address], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as runs:  # fmt: skip
        assert runs.stdin is not None
        assert runs.stdout is not None
        known: set[str] = set()
        for number, point in enumerate([*POINTS, ""]):
            write_news(hub, number)
            before = asked(origin)
            runs.stdin.write(f"{point}\n")
            runs.stdin.flush()
            status = int(runs.stdout.readline())

            assert status == (-signal.SIGKILL if point else 0), point
            assert not known & set(asked(origin) - before), point
            assert known <= noted(hub), point
            known = noted(hub)
        runs.stdin.close()

    many = 8 * (len(POINTS) + 1)
    assert Counter(outcomes(hub)) == {"ok": many, "http_error": many}
    assert known == on_record(hub) == set(asked(origin))
    assert_all_can_be_read(hub)
    *killed, (ending, summary) = books(hub)
    assert {status for status, _ in killed} == {"killed"}
    assert (ending, balances(summary)) == ("complete", True)
