"""What is wrong with a data directory, in words: what, in which state, what to do.

Nothing is changed here. Whoever asks holds the lock, so that no run is under way.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tasks.captures import CaptureDamaged, check_capture, find_files, salvage_rows
from tasks.clock import is_jump
from tasks.files import OPEN
from tasks.imagecache import find_faults
from tasks.models import CacheFault, KeptCapture, KeptImage, WarcPlace
from tasks.recovery import (
    SET_ASIDE,
    find_damage,
    inspect_apart,
    is_state_of,
    set_aside_files,
)
from tasks.run import working_file
from tasks.settings import Settings, SourceSettings
from tasks.snapshots import PUBLISHED, find_snapshots
from tasks.sources.location import SourceError, fetch_location, is_url, locate_source
from tasks.sources.plumbing import GitError, run_guarded
from tasks.values import dataclass
from tasks.warehouse.engine import WarehouseError
from tasks.warehouse.published import Published, open_published

# Beyond twice the working file, which is copied and may grow: logs, Parquet, report.
SPARE_BYTES = 200_000_000
REACH_SECONDS = 20.0  # for a git server to name its branches
MEND = "`wirehouse doctor --mend`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: its state, and what to do if it is not well."""

    what: str
    state: str
    advice: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nothing is to be done."""
        return not self.advice


def examine(
    settings: Settings, moment: datetime, *, is_idle: bool
) -> Iterator[Finding]:
    """Look at all that a run at *moment* relies on, and yield a finding for each thing.

    What a run may be at work on is only looked at if none is (*is_idle*).
    """
    data = settings.data
    yield _room(data)
    working = working_file(data)
    sound = []
    if is_idle:
        found = _working_file(data, working)
        yield found
        if found.is_well and working.exists():
            sound.append(working)
            yield from _last_run(working, moment)
    states = {data / PUBLISHED: 0, **{p: n for n, p in find_snapshots(data).items()}}
    faults = {path: _fault_of_state(path, number) for path, number in states.items()}
    sound += [path for path in reversed(faults) if not faults[path]]
    yield from _states(faults)
    if is_idle and sound:
        # What rows name is looked for on the disk: by the rows of a sound file.
        with open_published(sound[0]) as warehouse:
            yield from _captures(data, warehouse, settings.fetch.max_bytes)
            yield from _images(data, warehouse)
    yield from _prefect(data)
    yield from _left_aside(working)
    for place in settings.sources:
        yield _source(place)


def broken_snapshots(data: Path) -> list[Path]:
    """Return the kept states that are not what their names say."""
    states = find_snapshots(data).items()
    return [path for number, path in states if not is_state_of(path, number)]


def _room(data: Path) -> Finding:
    there = next(
        folder for folder in (data, *data.absolute().parents) if folder.is_dir()
    )
    free = shutil.disk_usage(there).free
    working = working_file(data)
    needed = SPARE_BYTES + 2 * (working.stat().st_size if working.is_file() else 0)
    state = f"{_size(free)} free"
    if free >= needed:
        return Finding("disk", state)
    return Finding("disk", state, f"make room: a run may need {_size(needed)}")


def _working_file(data: Path, path: Path) -> Finding:
    what = "working file"
    try:
        damage = find_damage(data, path, thorough=True)
    except WarehouseError as error:
        return Finding(what, str(error), "as the reason says; it is left alone")
    if damage is not None:
        advice = f"{MEND}, or the next run, makes it anew"
        return Finding(what, f"{damage.kind}: {damage.reason}", advice)
    if not path.exists():
        return Finding(what, "none yet")
    return Finding(what, f"sound, {_size(path.stat().st_size)}")


def _last_run(working: Path, moment: datetime) -> Iterator[Finding]:
    with open_published(working) as warehouse:
        for row in warehouse.rows("report/last_run"):
            if row["status"] == "running":
                state = f"run {row['run_number']} was killed"
                yield Finding("last run", state, "`wirehouse run` goes on")
            began = row["started_at"]
            if moment < began and is_jump(moment, began):
                state = f"run {row['run_number']} was on {began:%Y-%m-%d}, by its clock"
                advice = f"{MEND}, or the next run, spreads what is due over the days"
                yield Finding("clock", f"{state}; now it is {moment:%Y-%m-%d}", advice)


def _fault_of_state(path: Path, number: int) -> str:
    """Tell what is wrong with a published state; *number* is 0 where any will do."""
    try:
        held = inspect_apart(path)
    except WarehouseError as error:
        return str(error)
    return f"it is the state of run {held}" if number not in {0, held} else ""


def _states(faults: Mapping[Path, str]) -> Iterator[Finding]:
    published, *kept = faults
    if not published.exists():
        advice = f"{MEND}, or the next run, publishes it" if kept else ""
        yield Finding("published file", "none yet", advice)
    elif faults[published]:
        advice = f"{MEND}, or the next run, replaces it"
        yield Finding("published file", faults[published], advice)
    else:
        yield Finding("published file", "sound")
    for path in kept:
        if faults[path]:
            what = f"snapshot {int(path.stem)}"
            yield Finding(what, faults[path], f"{MEND} sets it aside")
    if kept and not any(faults[path] for path in kept):
        yield Finding("snapshots", f"{len(kept)}, sound")


def _captures(data: Path, warehouse: Published, max_bytes: int) -> Iterator[Finding]:
    folder = data / "captures"
    for path in sorted(folder.glob(f"*{OPEN}")):
        advice = f"{MEND}, or the next run, adopts what it holds"
        yield Finding(path.name, "left open by a run that was killed", advice)
    kept = [
        KeptCapture(
            row["capture_id"],
            row["url"],
            WarcPlace(row["warc_file"], row["warc_offset"], row["warc_length"]),
        )
        for row in warehouse.rows("kept_captures")
    ]
    damaged: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for capture in kept:
        try:
            check_capture(folder, capture.place, max_bytes=max_bytes)
        except CaptureDamaged as error:
            damaged[capture.place.file] += 1
            reasons.setdefault(capture.place.file, str(error))
    for name, count in damaged.items():
        state = f"{count:,} captures damaged, the first is {reasons[name]}"
        yield Finding(name, state, f"{MEND}; the next run fetches these pages again")
    if not damaged:
        yield Finding("captures", f"{len(kept):,} responses, sound")
    for _, path in find_files(folder):
        lost_bytes = salvage_rows(path)[1]
        if lost_bytes and path.name not in damaged:
            # Their rows are in the warehouse, and requests are asked of nobody.
            state = f"{lost_bytes:,} bytes of requests and rows damaged"
            yield Finding(path.name, f"{state}: only a rebuild would miss them")


def _images(data: Path, warehouse: Published) -> Iterator[Finding]:
    kept = [
        KeptImage(
            *(row[name] for name in ("path", "thumbnail_path", "sha256", "size_bytes"))
        )
        for row in warehouse.rows("kept_images")
    ]
    faults = list(find_faults(data, kept, lambda: None))
    what = {
        "missing": "fetched again",
        "changed": "fetched again",
        "foreign": "set aside",
    }
    for fault, fate in what.items():
        found = [each for each in faults if each.fault == fault]
        if found:
            yield _image_finding(found, fault, fate)
    if not faults:
        yield Finding("image cache", f"{len(kept):,} images, sound")


def _image_finding(found: list[CacheFault], fault: str, fate: str) -> Finding:
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    state = f"{fault}: {found[0].path}{more}"
    return Finding("image cache", state, f"{MEND}: {fate}")


def _prefect(data: Path) -> Iterator[Finding]:
    path = data / "prefect" / "prefect.db"
    if not path.exists():
        return
    what = "Prefect's records"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            ((answer,),) = database.execute("pragma quick_check(1)").fetchall()
    except sqlite3.Error as error:
        answer = str(error)
    if answer == "ok":
        yield Finding(what, "sound")
        return
    advice = "`wirehouse down`, then move the folder prefect/ away: it holds no data"
    yield Finding(what, answer, advice)


def _left_aside(working: Path) -> Iterator[Finding]:
    found = set_aside_files(working)
    if found:
        size = _size(sum(path.stat().st_size for path in found))
        state = f"{len(found)} files, {size}, in warehouse/{SET_ASIDE}: yours to delete"
        yield Finding("set aside", state)


def _source(place: SourceSettings) -> Finding:
    what = f"source {place.label}"
    try:
        source = locate_source(place)
        if source.kind == "git" and is_url(place.location):
            _reach(place.location)
    except SourceError as error:
        return Finding(what, error.why, "see the reason; the others are read")
    except GitError as error:
        advice = "check the address, the network and your access"
        return Finding(what, f"cannot be reached: {error}", advice)
    return Finding(what, f"{source.kind}, there")


def _reach(location: str) -> None:
    command = ["git", "ls-remote", "--quiet", "--heads", "--", fetch_location(location)]
    run_guarded(command, seconds=REACH_SECONDS, for_url=True)


def _size(count: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1000:.0f} kB"
