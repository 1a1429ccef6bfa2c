"""One run at a time per data directory, and no lock outlives its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.lock import LockHeldError, hold_lock

MOMENT = datetime(2024, 3, 4, 9, 30, 15, 999, tzinfo=UTC)
HOLDER = """
import sys
from datetime import datetime
from pathlib import Path
from tasks.lock import hold_lock
with hold_lock(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data), MOMENT.isoformat()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    with (
        another_process(tmp_path) as holder,
        pytest.raises(LockHeldError) as caught,
        hold_lock(tmp_path, MOMENT),
    ):
        pass

    assert str(caught.value) == (
        f"another run holds {tmp_path} (process {holder.pid},"
        " since 2024-03-04T09:30:15+00:00): wait for it to end"
    )


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with another_process(tmp_path) as holder:
        holder.kill()
        holder.wait()

        with hold_lock(tmp_path, MOMENT):
            held = json.loads((tmp_path / "warehouse" / "lock").read_text())

    assert held == {"pid": os.getpid(), "since": "2024-03-04T09:30:15+00:00"}


def test_a_lock_is_free_again_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_lock(tmp_path, MOMENT):
            pass


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), hold_lock(tmp_path, MOMENT):
        raise KeyError

    with hold_lock(tmp_path, MOMENT):
        pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with hold_lock(tmp_path, MOMENT):
        with pytest.raises(LockHeldError), hold_lock(tmp_path, MOMENT):
            pass
        with pytest.raises(LockHeldError), hold_lock(tmp_path, MOMENT):
            pass


def test_two_directories_have_a_lock_each(tmp_path: Path) -> None:
    with hold_lock(tmp_path / "a", MOMENT), hold_lock(tmp_path / "b", MOMENT):
        pass


@pytest.mark.parametrize("written", [b"", b"{}", b"[]", b"5", b"\xff", b'{"pid": 1}'])
def test_a_holder_that_has_not_said_its_name_yet_is_a_holder(
    tmp_path: Path, written: bytes
) -> None:
    with another_process(tmp_path):
        (tmp_path / "warehouse" / "lock").write_bytes(written)

        with (
            pytest.raises(LockHeldError, match="a process that has just started"),
            hold_lock(tmp_path, MOMENT),
        ):
            pass


def test_programs_started_under_the_lock_do_not_keep_it(tmp_path: Path) -> None:
    with hold_lock(tmp_path, MOMENT):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)  # noqa: S607

    try:
        with hold_lock(tmp_path, MOMENT):
            pass
    finally:
        child.kill()
        child.wait()
