"""Wherever a run is broken, the published file is whole and the next run repairs.

Most of it is for `make faults`; a part of each is in every run of the tests.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.stand import LANES, Reader, Stand, open_stand

RUN_SECONDS = 1.5  # about how long a run takes here
STOP_SECONDS = 5.0


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Where runs are broken."""
    with open_stand(tmp_path_factory.mktemp("stand")) as opened:
        yield opened


def often(few: int, many: int) -> pytest.MarkDecorator:
    """Give *few* to every run of the tests, *many* to `make faults`."""
    long = pytest.param(many, marks=pytest.mark.faults)
    return pytest.mark.parametrize("count", [few, long])


def some(count: int, of: int) -> list[int]:
    """Choose *count* of the numbers up to *of*, evenly, from the first to the last."""
    step = max((of - 1) / max(count - 1, 1), 1.0)
    return sorted(
        {1 + round(step * number) for number in range(count)} & {*range(of + 1)}
    )


def break_one(stand: Stand, why: str, **order: Any) -> tuple[int, str]:
    """Break a run while somebody reads, and repair; return status and last line."""
    folder = stand.copy()
    with Reader(folder / "data" / "news.duckdb") as reader:
        answer = stand.order(folder, **order)
    said = stand.said(folder)
    assert reader.times
    assert reader.faults == [], why
    assert answer["seconds"] < STOP_SECONDS, why
    assert "Traceback" not in said, (why, said)
    stand.assert_repaired(folder, why)
    shutil.rmtree(folder)
    return answer["status"], said.strip().rpartition("\n")[2]


def each(values: Iterable[Any], test: Callable[[Any], None]) -> None:
    """Test every value, a few at once, and tell of the first that failed."""
    with ThreadPoolExecutor(LANES) as pool:
        for _ in pool.map(test, values):
            pass


@often(4, 1_000)
@pytest.mark.parametrize("what", ["kill before", "kill after"])
def test_killed_at_any_point(stand: Stand, what: str, count: int) -> None:
    """Each commit, fsync and rename of a run."""

    def test(number: int) -> None:
        why = f"{what} point {number}, {stand.points[number - 1]}"
        status, _ = break_one(stand, why, what=what, at=number)
        assert status in {-signal.SIGKILL, 0}, why

    each(some(count, len(stand.points)), test)


@often(2, 20)
def test_killed_at_random_moments(stand: Stand, count: int) -> None:
    def test(after: float) -> None:
        order = {"signal": int(signal.SIGKILL), "after": after}
        break_one(stand, f"killed after {after:.3f} s", what="nothing", **order)

    each(moments(count), test)


@pytest.mark.parametrize(
    ("code", "count"),
    [
        (errno.EIO, 2),
        (errno.ENOSPC, 2),
        pytest.param(errno.EIO, 1_000, marks=pytest.mark.faults),
        # Told in words of its own, but met by the same lines.
        pytest.param(errno.ENOSPC, 24, marks=pytest.mark.faults),
    ],
)
def test_an_error_at_any_write_fsync_or_rename(
    stand: Stand, code: int, count: int
) -> None:
    def test(number: int) -> None:
        point = stand.points[number - 1]
        if "commit" in point or point == "checkpoint":
            return  # DuckDB writes these itself, see below
        why = f"error {code} at point {number}, {point}"
        status, line = break_one(stand, why, what="error", at=number, errno=code)
        assert status in {0, 1}, (why, line)
        assert not status or line.startswith("wirehouse: "), (why, line)

    each(some(count, len(stand.points)), test)


KB = 1_000


@often(3, 24)
def test_a_disk_that_is_full_at_any_size(stand: Stand, count: int) -> None:
    """By a limit on the size of each file: small disks are not for everybody."""

    def test(size: int) -> None:
        why = f"files of {size} kB at most"
        status, line = break_one(stand, why, what="nothing", file_bytes=size * KB)
        assert status in {0, 1}, (why, line)
        is_told = line.startswith("wirehouse: ") and "room" in line
        assert is_told or not status, (why, line)

    most = max(p.stat().st_size for p in (stand.goal / "data").rglob("*.duckdb"))
    each(some(count, most // KB + 400), test)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Have the data of *folder* on a disk of its own, a tmpfs; return where it is."""
    data = folder / "data"
    aside = data.rename(folder / "aside")
    data.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(data))
    try:
        shutil.copytree(aside, data, dirs_exist_ok=True)
        yield data
    finally:
        subprocess.run(["umount", str(data)], check=True)  # noqa: S607 - as on the path


def mount(*words: str) -> None:
    """Mount something, or skip the test: not everybody may."""
    done = subprocess.run(["mount", *words], check=False, capture_output=True)  # noqa: S607 - as on the path
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.decode().strip()}")


def leave(data: Path, spare: int) -> None:
    """Leave so many bytes free on the disk of *data*."""
    facts = os.statvfs(data)
    used = (facts.f_blocks - facts.f_bfree) * facts.f_frsize
    mount("-o", f"remount,size={used + spare}", str(data))


@often(2, 24)
def test_a_small_disk_that_is_full_at_any_size(stand: Stand, count: int) -> None:
    """What fits the disk is published, what does not is told; both are repaired."""
    ended = []

    def test(size: int) -> None:
        why = f"{size} kB free"
        folder = stand.copy()
        with small_disk(folder) as data:
            leave(data, size * KB)
            with Reader(data / "news.duckdb") as reader:
                status = stand.order(folder)["status"]
            said = stand.said(folder)
            line = said.strip().rpartition("\n")[2]
            assert reader.faults == [], why
            assert "Traceback" not in said, (why, said)
            is_told = line.startswith("wirehouse: ") and "room" in line
            assert status == 0 or (status == 1 and is_told), (why, status, line)
            ended.append(status)
            leave(data, 100_000 * KB)
            stand.assert_repaired(folder, why)
        shutil.rmtree(folder)

    most = sum(p.stat().st_size for p in (stand.goal / "data").rglob("*.duckdb"))
    each(some(count, most // KB), test)
    assert {*ended} == {0, 1}


@often(1, 12)
@pytest.mark.parametrize(
    ("number", "statuses"),
    [(signal.SIGINT, {130}), (signal.SIGTERM, {143, -signal.SIGTERM})],
)
def test_stopped_at_any_moment(
    stand: Stand, number: signal.Signals, statuses: set[int], count: int
) -> None:
    def test(after: float) -> None:
        why = f"{number.name} after {after:.3f} s"
        order = {"signal": int(number), "after": after}
        status, line = break_one(stand, why, what="nothing", **order)
        assert status in {0, *statuses}, (why, line)
        # Before there is anything to go on with, nothing is said of it.
        is_told = "the next run goes on" in line or not line
        assert is_told or status != 130, (why, line)

    each(moments(count), test)


def moments(count: int) -> list[float]:
    """Choose *count* moments of a run, in seconds from its start."""
    chance = random.Random(count)  # noqa: S311 - no secret
    return [chance.uniform(0.02, RUN_SECONDS) for _ in range(count)]
