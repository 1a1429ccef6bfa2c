"""A working file that is not what the last run left is set aside and made anew.

It begins as the newest published state that is sound, which is a whole copy of it. What
was captured since is read from the WARC files by `tasks/adoption.py`, and what sources
say by the run itself, as ever. So nothing is asked for again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tasks.captures import find_files
from tasks.files import copy_file, sync_file, sync_folder
from tasks.sandbox import run_sandboxed
from tasks.snapshots import PUBLISHED, find_snapshots, last_published
from tasks.values import dataclass
from tasks.warehouse.engine import DamagedError, WarehouseError
from tasks.warehouse.inspection import inspect_file
from tasks.witness import Witness

SET_ASIDE = "set-aside"
_INSPECT_SECONDS = 3_600.0  # hundreds of gigabytes
_INSPECT_BYTES = 8_000_000_000  # of address space; DuckDB is held to much less memory
_OUR_LIMITS = ("took longer", "needed more", "OutOfMemory")
_LOG = ".wal"


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a working file: one word for its name, and a line on why."""

    kind: str
    reason: str


def secure_working_file(data: Path, path: Path, moment: datetime) -> Restored | None:
    """See to it that *path* is the file that the last run left; None if it was.

    Else it is set aside, and what was made in its place is told. To be called by who
    holds the lock, for a file that was touched or that cannot be opened. Raises
    `WarehouseError` for a file that is sound, but not for us.
    """
    damage = find_damage(data, path, thorough=True)
    return make_anew(data, path, moment, damage) if damage else None


def find_damage(data: Path, path: Path, *, thorough: bool = False) -> Damage | None:
    """Tell what is wrong with the working file *path*, if anything is.

    What nobody touched since the last commit is only read if *thorough*.
    """
    witness = Witness(path)
    found = witness.find()
    if found == "untouched" and not thorough:
        return None
    if found == "log cut":
        return Damage("log-cut", "a part of its log is gone")
    if found == "missing":
        is_known = newest_run(data, path) > 0
        return Damage("missing", "it is not there") if is_known else None
    try:
        number = inspect_apart(path)
    except DamagedError as error:
        return Damage(error.kind, str(error))
    return _damage_of_sound(data, witness, number)


def _damage_of_sound(data: Path, witness: Witness, number: int) -> Damage | None:
    """Tell what is wrong with a file that can be read, and ends with run *number*."""
    if witness.is_shorter:
        return Damage("damaged", "a part of its end is gone")
    newest = max(witness.run, _last_captured(data), _last_sound(data, after=number))
    if number < newest:
        why = f"it ends with run {number}, and run {newest} began"
        return Damage("older", why)
    return None


def newest_run(data: Path, path: Path) -> int:
    """Return the newest run that anything but the working file tells of; 0: none."""
    return max(Witness(path).run, last_published(data), _last_captured(data))


def _last_captured(data: Path) -> int:
    captured = find_files(data / "captures")
    return captured[-1][0] if captured else 0


def _last_sound(data: Path, *, after: int) -> int:
    """Return the newest run *after* one whose published state is kept; 0: none."""
    for number, path in reversed(find_snapshots(data).items()):
        if number <= after:
            break
        if is_state_of(path, number):
            return number
    return 0


@dataclass(frozen=True, slots=True)
class Restored:
    """A working file made anew: as run *number* published it, 0 for an empty one.

    *kept* is where the old one is, None where there was none.
    """

    damage: Damage
    number: int
    kept: Path | None

    @property
    def line(self) -> str:
        """What was wrong, and what was done: nothing is left to do."""
        was = f"the working file is set aside: {self.damage.reason}"
        if self.damage.kind == "missing":
            was = "the working file is gone"
        kept = f"; it is kept as {self.kept}" if self.kept else ""
        begun = f"as run {self.number} published it" if self.number else "empty"
        return (
            f"{was}{kept}. A new one was begun {begun}; what was captured since is read"
            " from captures/, what sources say by `wirehouse run`, and nothing is asked"
            " for again"
        )


def make_anew(
    data: Path, path: Path, moment: datetime, why: Damage, *, bare: bool = False
) -> Restored:
    """Set the working file aside, and begin a new one as it was published last.

    With *bare*, or where no sound state is left, there is none until it is opened.
    """
    newest = newest_run(data, path)
    kept = set_aside(path, moment, why.kind)
    Witness(path).begin(newest)  # or runs would be counted anew
    number = 0 if bare else _restore(data, path)
    return Restored(why, number, kept)


def set_up_again(data: Path, path: Path, moment: datetime, *, bare: bool) -> Restored:
    """Begin a new working file because somebody asked for it."""
    damage = find_damage(data, path) or Damage("rebuilt", "it is made anew")
    return make_anew(data, path, moment, damage, bare=bare)


def inspect_apart(path: Path) -> int:
    """Do as `inspect_file`, in a child: a damaged file may end the program that reads.

    Raises the same, and `DamagedError` for a file of which the child died.
    """
    [found] = run_sandboxed(
        _inspect,
        [path],
        seconds=_INSPECT_SECONDS,
        memory_bytes=_INSPECT_BYTES,
        workers=1,
    )
    if isinstance(found, int):
        return found
    if isinstance(found, WarehouseError):
        raise found
    reason = f"whoever reads it fails: {found.reason} {found.detail}".rstrip()
    if any(word in reason for word in _OUR_LIMITS):
        msg = f"{path} cannot be inspected: {found.reason}"
        raise WarehouseError(msg)
    raise DamagedError(reason)


def _inspect(path: Path) -> int | WarehouseError:
    try:
        return inspect_file(path)
    except WarehouseError as error:
        return error


def set_aside(path: Path, moment: datetime, word: str) -> Path | None:
    """Move a database and its log below `warehouse/set-aside`; return where it is now.

    Its name says when and why. Nothing is overwritten, and nothing there is ever
    deleted by a run.
    """
    folder = path.parent / SET_ASIDE
    stem = f"{path.stem}-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{word}"
    log = path.with_name(path.name + _LOG)
    target = folder / (stem + path.suffix)
    number = 1
    while target.exists() or target.with_name(target.name + _LOG).exists():
        number += 1
        target = folder / f"{stem}-{number}{path.suffix}"
    is_there = path.exists() or path.is_symlink()
    if not is_there and not log.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    # The log first: without its file it is of no use to anybody who opens that.
    if log.exists():
        log.rename(target.with_name(target.name + _LOG))
    if is_there:
        path.rename(target)
    sync_folder(folder)
    sync_folder(path.parent)
    return target


def is_state_of(path: Path, number: int) -> bool:
    """Tell whether a file is the sound state that run *number* published."""
    try:
        return inspect_apart(path) == number
    except WarehouseError:
        return False


def set_aside_files(path: Path) -> list[Path]:
    """Return all that was set aside for the working file *path*."""
    folder = path.parent / SET_ASIDE
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _restore(data: Path, path: Path) -> int:
    """Copy the newest published state that is sound to *path*; return its run, or 0."""
    states = [data / PUBLISHED, *reversed(find_snapshots(data).values())]
    for state in states:
        try:
            number = inspect_apart(state)
        except WarehouseError:
            continue  # damaged, too, or none; `wirehouse doctor` names it
        if not number:
            continue
        fresh = path.with_name(f".{path.name}.new")
        copy_file(state, fresh)
        sync_file(fresh)
        fresh.replace(path)
        sync_folder(path.parent)
        return number
    return 0
