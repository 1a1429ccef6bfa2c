"""Where runs are broken: a hub of two states, its site, and who reads all the while."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

from tasks.files import stamp
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.inspection import inspect_file
from tests.hub import Hub
from tests.tables import dump

ROOT = Path(__file__).parents[2]
# Runs at once: they wait for the disk about as long as they reckon.
LANES = (os.cpu_count() or 1) + 1
SETTINGS = """
sources = [{{ location = "hub", name = "hub" }}]
data = "data"
keep_snapshots = 2
[fetch]
connect_to = {{ "*.example" = "127.0.0.1:{port}" }}
per_host_delay_seconds = 0.0
per_host_concurrency = 2
"""


class Stand:
    """A folder with a first state published and a second one written, to be copied."""

    def __init__(
        self, folder: Path, programs: Sequence[subprocess.Popen[str]], port: int
    ) -> None:
        self._idle: queue.Queue[subprocess.Popen[str]] = queue.Queue()
        for program in programs:
            self._idle.put(program)
        self._numbers = count()
        self._folder = folder
        self.base = folder / "base"
        self.base.mkdir()
        (self.base / "wirehouse.toml").write_text(SETTINGS.format(port=port))
        self._write_first()
        assert self.order(self.base)["status"] == 0
        self._write_second()
        self.goal = self.copy()
        assert self.order(self.goal, what="count")["status"] == 0
        self.points: list[str] = json.loads((self.goal / "points.json").read_text())
        self.tables = dump(self.goal / "data" / "news.duckdb")

    def copy(self) -> Path:
        """Return a fresh copy, in which a run has the second state to load."""
        target = self._folder / str(next(self._numbers))
        return Path(shutil.copytree(self.base, target))

    def order(self, folder: Path, what: str = "nothing", **more: Any) -> dict[str, Any]:
        """Let a run go in *folder* and return how it ended."""
        program = self._idle.get()
        assert program.stdin is not None
        assert program.stdout is not None
        order = {"folder": str(folder), "what": what, **more}
        program.stdin.write(json.dumps(order) + "\n")
        program.stdin.flush()
        answer: dict[str, Any] = json.loads(program.stdout.readline())
        self._idle.put(program)
        return answer

    def said(self, folder: Path) -> str:
        """Return what the last run in *folder* said."""
        return (folder / "said.txt").read_text(errors="replace")

    def assert_repaired(self, folder: Path, why: str) -> None:
        """See to it that a run without any fault ends as if nothing had happened."""
        answer = self.order(folder)
        assert answer["status"] == 0, (why, self.said(folder))
        assert dump(folder / "data" / "news.duckdb") == self.tables, why

    def _write_first(self) -> None:
        hub = Hub(self.base)
        for name in ("stays", "changes", "goes"):
            hub.write(f"{name}.md", **_fields(name, heat=1, topics=["Sea"]))

    def _write_second(self) -> None:
        hub = Hub(self.base)
        hub.remove("goes.md")
        hub.write("changes.md", **_fields("changes", heat=2))
        for name in ("new", "newer"):
            hub.write(f"{name}.md", **_fields(name, related=[_fields("stays")]))


def _fields(name: str, **more: Any) -> dict[str, Any]:
    return {
        "title": name,
        "webUrl": f"http://news.example/{name}",
        "images": [{"url": f"http://pictures.example/{name}.png"}],
        **more,
    }


@contextmanager
def open_stand(folder: Path) -> Iterator[Stand]:
    """Start the site and the programs that break runs, one a lane."""
    words = [sys.executable, "-m"]
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT,
    }  # fmt: skip
    with ExitStack() as stack:
        site, *programs = (
            stack.enter_context(
                subprocess.Popen([*words, f"tests.faults.{n}"], **pipes)
            )
            for n in ("site", *["broken_run"] * LANES)
        )
        assert site.stdout is not None
        port = int(site.stdout.readline())
        yield Stand(folder, programs, port)
        for process in (*programs, site):
            assert process.stdin is not None
            process.stdin.close()


POLL_SECONDS = 0.01
AGAIN_SECONDS = 0.25


class Reader:
    """Reads the published file again and again, as analysts would, in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.times = 0
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _read(self) -> None:
        """Read the file whole each time that it is another, and now and then.

        To read it again and again would take more of the machine than all runs do.
        """
        seen: list[int] = []
        due = 0.0
        while not self._is_over.is_set():
            found = stamp(self._path)
            if found != seen or due <= 0:
                self._look()
                seen, due = found, AGAIN_SECONDS
            time.sleep(POLL_SECONDS)
            due -= POLL_SECONDS

    def _look(self) -> None:
        self.times += 1
        try:
            if inspect_file(self._path) not in {1, 2, 3}:
                self.faults.append("a run that never was")
        except WarehouseError as error:
            self.faults.append(str(error))
