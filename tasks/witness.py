"""What the working file was like when it was last committed to, told beside it.

A file cannot tell that it is older than it was: without its log, DuckDB opens it at an
earlier state and says nothing. So a run notes here, after each commit, its own number,
how large and how old the file and its log are, and in the end that it closed them. It
takes some microseconds.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

# How a working file is found; a touched one is to be read before it is trusted.
Found = Literal["untouched", "touched", "missing", "log cut"]
Stamp = list[int]  # size in bytes, time of the last change in nanoseconds

_SUFFIX = ".json"


class Witness:
    """The note beside the working file *path*, for the one run that holds the lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + ".wal")
        self._note = path.with_suffix(_SUFFIX)
        self._noted = self._read()
        self._is_doubtful = False

    @property
    def run(self) -> int:
        """The newest run that began; 0 if that is not known."""
        number = self._noted.get("run")
        return number if isinstance(number, int) else 0

    def find(self) -> Found:
        """Tell how the working file is found, compared with what was noted."""
        if not os.path.lexists(self._path):
            return "missing"
        file, log = _stamp(self._path), _stamp(self._log)
        noted = self._noted.get("log")
        if file != self._noted.get("file"):
            return "touched"
        if log == noted:
            # Who did not close it was killed, or died of what it read there.
            return "untouched" if self._noted.get("closed") else "touched"
        # The file is the one of the last commit, so its log can only have grown.
        is_cut = noted and (log is None or log[0] < noted[0])
        return "log cut" if is_cut else "touched"

    @property
    def is_shorter(self) -> bool:
        """Whether the file lost bytes since a run closed it.

        What is gone may have been of no use, so that DuckDB does not miss it.
        """
        noted, file = self._noted.get("file"), _stamp(self._path)
        return bool(self._noted.get("closed") and noted and file and file[0] < noted[0])

    def begin(self, run: int) -> None:
        """Note that a run has begun, and what the file is like."""
        self._noted["run"] = run
        self.note()

    def note(self, *, closed: bool = False) -> None:
        """Note what the file is like, which was just committed to, opened or closed."""
        if not self._is_doubtful:
            file, log = _stamp(self._path), _stamp(self._log)
            about = {"run": self.run, "file": file, "log": log, "closed": closed}
            self._write(about)

    def doubt(self) -> None:
        """Let the next run read the whole file before it trusts it."""
        self._is_doubtful = True
        self._write({"run": self.run})

    def _read(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            noted = json.loads(self._note.read_bytes())
            if isinstance(noted, dict):
                return noted
        return {}

    def _write(self, noted: dict[str, Any]) -> None:
        """Write the note over the last one.

        Not to the disk: the commit itself is there already, and a note that a power cut
        makes older, or takes away, only claims less. On a full disk it is doubted, too.
        """
        self._noted = noted
        content = json.dumps(noted).encode().ljust(200) + b"\n"
        try:
            descriptor = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, content, 0)
            finally:
                os.close(descriptor)
        except OSError:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
