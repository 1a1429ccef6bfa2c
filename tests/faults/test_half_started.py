"""`wirehouse up` that was killed on its way, and what it finds half there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.serve import ask, is_healthy
from flows.services import Service, find_service
from tests.hub import Hub
from tests.test_cli import wirehouse
from tests.test_services import free_port

pytestmark = pytest.mark.faults
NAMES = ("server", "worker")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a hub and settings; at the end nothing of it is up."""
    Hub(tmp_path).write("a.md")
    set_port(tmp_path, free_port())
    try:
        yield tmp_path
    finally:
        wirehouse("down", cwd=tmp_path)


def set_port(place: Path, port: int) -> None:
    text = f'sources = ["hub"]\nprefect_port = {port}\nschedule = "0 0 1 1 *"\n'
    (place / "wirehouse.toml").write_text(text)


def services(place: Path) -> list[Service | None]:
    return [find_service(place / "data", name) for name in NAMES]


def processes(place: Path) -> list[str]:
    """The services of the place that run, whether or not a lock tells of them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            home = str(place / "data" / "prefect") in (folder / "environ").read_text()
        except (OSError, UnicodeDecodeError):
            continue
        if home and "flows.serve" in words:
            found.append(words[words.index("flows.serve") + 1])
    return sorted(found)


def is_whole(place: Path) -> None:
    """Everything is up once, and the server knows everything once."""
    server, worker = services(place)
    assert server is not None
    assert worker is not None
    assert server.port is not None
    assert worker.port == server.port
    assert processes(place) == ["server", "worker"]
    known = ask(server.port, "POST", "/automations/filter", {})
    names = sorted(each["name"] for each in known)
    assert len(names) == len(set(names)) == 2
    known = ask(server.port, "POST", "/deployments/filter", {})
    names = sorted(each["name"] for each in known)
    assert names == ["backfill", "reextract", "refresh", "verify"]


def has(place: Path, name: str) -> bool:
    return (place / "data" / "prefect" / f"{name}.lock").exists()


def answers(place: Path) -> bool:
    port = re.search("prefect_port = ([0-9]+)", (place / "wirehouse.toml").read_text())
    return port is not None and is_healthy(int(port[1]))


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "before the server": lambda place: has(place, "up"),
    "with the server's lock": lambda place: has(place, "server"),
    "while the server starts": lambda place: find_service(
        place / "data", "server"
    ) is not None,
    "when it answers": answers,
    "with the worker's lock": lambda place: has(place, "worker"),
}  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
def test_up_that_was_killed_is_finished_by_the_next(place: Path, moment: str) -> None:
    up = subprocess.Popen(
        [Path(sys.executable).with_name("wirehouse"), "up"],
        cwd=place,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not MOMENTS[moment](place):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    up.kill()
    up.wait()

    again = wirehouse("up", cwd=place)

    assert again.returncode == 0, again.stderr
    is_whole(place)
    assert wirehouse("down", cwd=place).stdout == "ended: worker, server\n"
    assert processes(place) == []


def test_what_is_half_there_is_made_whole(place: Path) -> None:
    """Two at once; no worker; no server, and another port by now; all killed."""
    both = [
        subprocess.Popen(
            [Path(sys.executable).with_name("wirehouse"), "up"],
            cwd=place, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]  # fmt: skip
    told = [up.communicate(timeout=200)[1] for up in both]
    assert [up.returncode for up in both] == [0, 0], told
    is_whole(place)
    server, worker = services(place)
    assert server is not None
    assert worker is not None

    os.kill(worker.pid, signal.SIGKILL)
    assert wirehouse("up", cwd=place).returncode == 0
    is_whole(place)
    assert services(place)[0] == server

    os.kill(server.pid, signal.SIGKILL)
    set_port(place, free_port())
    done = wirehouse("up", cwd=place)
    assert done.returncode == 0, done.stderr
    is_whole(place)

    for service in services(place):
        assert service is not None
        os.kill(service.pid, signal.SIGKILL)
    done = wirehouse("up", cwd=place)
    assert done.returncode == 0, done.stderr
    is_whole(place)


def test_down_while_it_starts_ends_what_there_is(place: Path) -> None:
    up = subprocess.Popen(
        [Path(sys.executable).with_name("wirehouse"), "up"],
        cwd=place, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    while services(place)[0] is None:
        time.sleep(0.01)

    ended = wirehouse("down", cwd=place)
    _, told = up.communicate(timeout=200)

    assert ended.stdout == "ended: server\n"
    assert up.returncode == 1
    assert "wirehouse: the Prefect server did not start" in told
    assert "Traceback" not in told
    assert processes(place) == []


def test_up_that_is_stopped_says_what_stays(tmp_path: Path) -> None:
    """Here without a source, which it says first."""
    port = free_port()
    (tmp_path / "wirehouse.toml").write_text(f"prefect_port = {port}\n")
    up = subprocess.Popen(
        [Path(sys.executable).with_name("wirehouse"), "up"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while services(tmp_path)[0] is None:
            time.sleep(0.01)
        up.send_signal(signal.SIGINT)
        _, told = up.communicate(timeout=60)
    finally:
        ended = wirehouse("down", cwd=tmp_path)

    assert (up.returncode, ended.stdout) == (130, "ended: server\n")
    assert told.splitlines() == [
        "  there is no source to read yet: list one in wirehouse.toml",
        f"  starting the Prefect server on port {port}",
        "  what is started by now stays: `wirehouse down` ends it",
        "wirehouse: stopped; what was done is kept, and the next run goes on",
    ]
    assert processes(tmp_path) == []
