"""How far a run is: a bar for who looks at a terminal, plain lines for the others."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from flows.progress import Lines
from tests.hub import Hub

OFFLINE = ("--no-fetch", "--no-images", "--direct")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
ESCAPES = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")
# Nobody waits for a bar of a file or two: these take a second.
SLOW = {"WIREHOUSE_READ__SECONDS": "1"}


class OnTerminal:
    """The command with a real terminal for standard error, or for everything."""

    def __init__(self, *arguments: str | Path, cwd: Path, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        kept = {k: v for k, v in os.environ.items() if k not in _ASKING}
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("wirehouse"), *arguments],
            cwd=cwd, stdout=subprocess.PIPE, stderr=theirs, text=True,
            env={**kept, "TERM": "xterm-256color", **environment},
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def read(self) -> bool:
        """Read what the terminal is sent; False at its end."""
        try:
            sent = os.read(self._ours, 65_536)
        except OSError:  # how Linux says that the other side has closed
            return False
        self.seen += sent.decode("utf-8", "replace")
        return bool(sent)

    def finish(self) -> str:
        """Wait for the end; return what went to standard output."""
        while self.read():
            pass
        os.close(self._ours)
        with self.process:
            assert self.process.stdout is not None
            return self.process.stdout.read()


_ASKING = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")


@pytest.fixture
def slow(hub: Hub) -> Hub:
    """A hub with files that take until their time is over."""
    for number in range(40):
        hub.write(f"{number}.md")
    for name in "ab":
        hub.write_text(f"_news/{name}.md", "---\ntitle: " + "ÃƒÂ" * 700_000 + "\n---\n")
    return hub


def test_a_terminal_sees_a_bar_that_leaves_no_trace(slow: Hub, tmp_path: Path) -> None:
    shown = OnTerminal(
        "run", "--source", slow.folder, *OFFLINE, "--json", cwd=tmp_path, **SLOW
    )

    output = shown.finish()

    assert json.loads(output)["loaded"] == 40
    assert shown.process.returncode == 0
    assert re.search(r"reading .*━.* 40 of 42 .*0:00:0", ESCAPES.sub("", shown.seen))
    assert shown.seen.count(HIDE_CURSOR) == shown.seen.count(SHOW_CURSOR) > 0
    assert screen(shown.seen) == [
        f"  {slow.folder}: 42 articles, 42 files to read",
        f"  {slow.folder}: 42 files read",
        "  published data/news.duckdb",
    ]


def test_without_colour_there_is_a_bar_without_colour(
    slow: Hub, tmp_path: Path
) -> None:
    shown = OnTerminal(
        "run", "--source", slow.folder, *OFFLINE, cwd=tmp_path, NO_COLOR="1", **SLOW
    )

    shown.finish()

    assert "40 of 42" in shown.seen
    assert not re.search(r"\x1b\[[0-9;]*(?:3[0-9]|4[0-9])[0-9;]*m", shown.seen)


def test_a_dumb_terminal_sees_lines(slow: Hub, tmp_path: Path) -> None:
    shown = OnTerminal(
        "run", "--source", slow.folder, *OFFLINE, cwd=tmp_path, TERM="dumb", **SLOW
    )

    shown.finish()

    assert "42 files read" in shown.seen
    assert "━" not in shown.seen
    assert "\x1b" not in shown.seen


def test_ctrl_c_takes_the_bar_away_and_gives_the_cursor_back(
    slow: Hub, tmp_path: Path
) -> None:
    shown = OnTerminal(
        "run", "--source", slow.folder, *OFFLINE, cwd=tmp_path,
        WIREHOUSE_READ__SECONDS="60",
    )  # fmt: skip
    while "40 of 42" not in shown.seen:
        assert shown.read()

    shown.process.send_signal(signal.SIGINT)
    shown.finish()

    assert shown.process.returncode == 130
    assert shown.seen.count(HIDE_CURSOR) == shown.seen.count(SHOW_CURSOR) == 1
    assert screen(shown.seen)[1].startswith("wirehouse: stopped")


def test_a_pipe_sees_plain_lines(slow: Hub, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in _ASKING}

    done = subprocess.run(
        [Path(sys.executable).with_name("wirehouse"), "run", "--source", slow.folder,
         *OFFLINE, "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**environment, **SLOW},
    )  # fmt: skip

    assert json.loads(done.stdout)["files"] == 42
    assert done.stderr.splitlines()[-2:] == [
        f"  {slow.folder}: 42 files read",
        "  published data/news.duckdb",
    ]
    assert done.stderr.replace("\n", "").isprintable()


def test_a_run_that_no_terminal_sees_has_no_bar_in_memory(
    hub: Hub, tmp_path: Path
) -> None:
    hub.write("a.md")
    program = (
        "import sys; from flows.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('rich.progress' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, "run", "--source", hub.folder, *OFFLINE],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "False"


# Lines


def said(total: int, seconds_each: float) -> list[str]:
    """Say how far a stage is whose parts take so long each."""
    found: list[str] = []
    clock = itertools.count(0.0, seconds_each)
    lines = Lines(found.append, lambda: next(clock))
    for done in range(total + 1):
        lines("reading", done, total)
    return found


def test_lines_are_said_a_second_apart() -> None:
    assert said(10, 0.3) == ["reading: 4 of 10", "reading: 8 of 10"]


def test_a_stage_that_is_done_within_a_second_says_nothing() -> None:
    assert said(1_000, 0.0009) == []


def test_a_stage_that_takes_hours_says_a_hundred_lines() -> None:
    found = said(20_000, 1)

    assert len(found) == 99
    assert found[:2] == ["reading: 200 of 20,000", "reading: 400 of 20,000"]


def test_a_stage_with_nothing_to_do_says_nothing() -> None:
    assert said(0, 10) == []


def screen(sent: str) -> list[str]:
    """Return the lines that a terminal shows after all that it was *sent*."""
    rows, row, column = [""], 0, 0
    for token in re.finditer(r"\x1b\[[?0-9;]*[A-Za-z]|\r|\n|[^\x1b]", sent):
        text = token[0]
        if text == "\r":
            column = 0
        elif text == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        elif text.endswith("A") and len(text) > 1:
            row -= int(text[2:-1] or 1)
        elif text == "\x1b[2K":
            rows[row] = ""
        elif text[0] != "\x1b":
            rows[row] = (
                rows[row][:column].ljust(column) + text + rows[row][column + 1 :]
            )
            column += 1
    return [line.rstrip() for line in rows if line.strip()]
