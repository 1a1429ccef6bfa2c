"""Runs ended in the middle of fetching: how soon, and what is asked for again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from tasks.stages.images import PUT_IMAGES
from tasks.web.fetcher import MAX_UNTAKEN_BYTES
from tasks.web.pages import IMAGE_BYTES
from tests.hub import Hub
from tests.origin import Handler, Origin, open_black_hole, open_origin
from tests.test_imagecache import striped
from tests.test_interrupted import (
    ask,
    asked,
    assert_all_can_be_read,
    balances,
    books,
    captured,
)

CHILD = Path(__file__).with_name("hostile_child.py")
PAGES = 2_000
QUICK_HOSTS = 120
MUTE_HOSTS = 20  # of each kind
STOP_SECONDS = 2.0


@contextlib.contextmanager
def open_mute() -> Iterator[str]:
    """Give an endpoint that takes connections and says nothing, not even in TLS."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return a server that nobody has asked yet."""
    with open_origin() as origin:
        yield origin


def hang(_: Handler) -> None:
    """Let whoever asked wait."""
    time.sleep(20)


def write_pages(hub: Hub, origin: Origin) -> None:
    """Write a hub of 2,000 pages, some on hosts that are mute, each in its own way."""
    urls = []
    for number in range(MUTE_HOSTS):
        origin.robots[f"robots{number}.example"] = hang
        urls += [
            f"http://silent{number}.example/silent/20",
            f"http://dripping{number}.example/slow-body/1",
            f"http://robots{number}.example/page",
            f"https://tls{number}.mute/page",
            f"http://dead{number}.hole/page",
            f"http://dns{number}.test/page",
        ]
    for number in range(PAGES - len(urls)):
        host = f"h{number % QUICK_HOSTS}.example"
        urls.append(f"http://{host}/silent/0.05?{number}")
    for number, url in enumerate(urls):
        hub.write(f"{number}.md", webUrl=url)


def start(
    hub: Hub, ways: dict[str, str], concurrency: int, *options: str
) -> subprocess.Popen[str]:
    """Begin a run of the command, in a world in which *ways* lead to servers."""
    folder = hub.folder.parent
    world = {
        "authority": certifi.where(),
        "names": {},
        "silent": [f"dns{number}.test" for number in range(MUTE_HOSTS)],
        "memory": str(folder / "memory"),
    }
    (folder / "world.json").write_text(json.dumps(world), "utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WIREHOUSE_")}
    return subprocess.Popen(
        [sys.executable, CHILD, "world.json", "run", "--source", "hub", "--direct",
         "--json", *options],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={
            **kept,
            "PYTHONPATH": str(CHILD.parents[1]),
            "WIREHOUSE_FETCH__CONNECT_TO": json.dumps(ways),
            "WIREHOUSE_FETCH__PER_HOST_DELAY_SECONDS": "0",
            "WIREHOUSE_FETCH__CONCURRENCY": str(concurrency),
            "WIREHOUSE_FETCH__FALLBACKS": "[]",
        },
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_within_two_seconds_whoever_is_mute(
    hub: Hub, origin: Origin, number: signal.Signals
) -> None:
    write_pages(hub, origin)
    with open_mute() as mute, open_black_hole() as hole:
        ways = {"*.example": origin.address, "*.mute": mute, "*.hole": hole}
        run = start(hub, ways, 200, "--no-images")
        while len(origin.paths()) < PAGES // 4 and run.poll() is None:
            time.sleep(0.01)
        sent = time.monotonic()
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
        seconds = time.monotonic() - sent

    assert run.returncode == 128 + number, said
    assert seconds < STOP_SECONDS
    assert said.splitlines()[-1].startswith("wirehouse: stopped; what was done is")
    assert "Traceback" not in said
    [(ending, summary)] = books(hub)
    assert (ending, balances(summary)) == ("broken", True)
    # What was under way then: the mute ones and one page of each other host.
    kept = captured(hub)
    assert summary["captured"] == len(kept)
    quick = sum("/silent/0.05" in url for url in asked(origin))
    assert len(kept) >= quick - QUICK_HOSTS - 1
    assert_all_can_be_read(hub)


IMAGES, IMAGE_HOSTS = 500, 8


def test_a_killed_run_asks_again_for_few_images(hub: Hub, origin: Origin) -> None:
    """An answer is on the disk only once it is checked; so not many wait for that."""
    content = {f"/{number}": striped(number) for number in range(IMAGES)}
    for host in range(IMAGE_HOSTS):
        origin.hosts[f"i{host}.example"] = lambda it: it.say(
            200, content[it.path], Content_Type="image/png"
        )
    urls = [f"http://i{n % IMAGE_HOSTS}.example/{n}" for n in range(IMAGES)]
    hub.write("a.md", images=[{"url": url} for url in urls])
    ways = {"*.example": origin.address}

    with start(hub, ways, IMAGE_HOSTS, "--no-fetch") as run:
        while asked(origin).total() < 400 and run.poll() is None:
            time.sleep(0.005)
        run.kill()
    first = asked(origin)
    with start(hub, ways, IMAGE_HOSTS, "--no-fetch") as run:
        run.communicate(timeout=60)

    waiting = MAX_UNTAKEN_BYTES // IMAGE_BYTES + IMAGE_HOSTS
    again = sum((asked(origin) - first).values()) - (IMAGES - len(first))
    assert run.returncode == 0
    # One lot was being checked, another one had come, and less than a third was not put
    # on record.
    assert 0 < again <= PUT_IMAGES + 2 * waiting
    assert ask(hub, "select count(*) from images where status = 'cached'") == [
        (IMAGES,)
    ]
