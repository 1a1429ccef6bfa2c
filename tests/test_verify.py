"""The nightly look at all that is stored: can each image and capture be read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.direct import run_direct
from flows.refresh import refresh, verify
from tasks.run import Job
from tasks.settings import Settings, SourceSettings
from tests.hub import MOMENT, Hub
from tests.origin import open_origin, settings_for

REJECTED = "select subject, reason, resolved_at is null from rejections"


@pytest.fixture
def job(hub: Hub) -> Job:
    """What ran once, on two pages; the origin is gone."""
    hub.write("a.md", webUrl="http://news.example/page")
    hub.write("b.md", webUrl="http://news.example/page?b")
    with open_origin() as origin:
        settings = Settings(
            sources=(SourceSettings(location=str(hub.folder), name="hub"),),
            data=hub.data,
            fetch=settings_for(origin, fallbacks=()),
        )
        job = Job(settings, with_images=False, moment=MOMENT, say=lambda _: None)
        run_direct(refresh, job)
    return job


def warc_file(hub: Hub) -> Path:
    (path,) = (hub.data / "captures").iterdir()
    return path


def damage(hub: Hub) -> bytes:
    """Flip a bit of one response; return what the file was."""
    ((middle,),) = hub.ask(
        "select warc_offset + warc_length // 2 from captures order by 1 limit 1"
    )
    path = warc_file(hub)
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[middle] ^= 1
    path.write_bytes(broken)
    return whole


def test_what_can_be_read_back_is_counted(job: Job) -> None:
    summary = run_direct(verify, job)

    assert (summary["verified"], summary["damaged"]) == (2, 0)
    assert summary["status"] == "complete"


def test_a_damaged_capture_is_one_rejection_until_it_is_mended(
    hub: Hub, job: Job
) -> None:
    whole = damage(hub)

    first, second = run_direct(verify, job), run_direct(verify, job)
    while_damaged = hub.ask(REJECTED)
    warc_file(hub).write_bytes(whole)
    third = run_direct(verify, job)

    assert [s["damaged"] for s in (first, second, third)] == [1, 1, 0]
    ((subject, reason, stands),) = while_damaged
    assert subject.startswith("http://news.example/page")
    assert (reason, stands) == ("the capture is damaged", True)
    assert [row[2] for row in hub.ask(REJECTED)] == [False]


def test_a_lost_file_of_captures_damages_each_of_them(hub: Hub, job: Job) -> None:
    warc_file(hub).unlink()

    summary = run_direct(verify, job)

    assert (summary["verified"], summary["damaged"]) == (2, 2)
    assert hub.ask("select count(*) from pages") == [(2,)]
