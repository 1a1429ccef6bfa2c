"""The only room that keeps and reads raw responses, in WARC files.

A file under way ends in `.open` and is never appended to by another run. It gets its
own name once every row that it holds is on record: one that a killed run left open is
known by its name, and `tasks/adoption.py` reads the rest of its rows.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO, Self

from tasks import warc
from tasks.files import OPEN, sync_folder
from tasks.models import Capture, Exchange, ImageResult, Response, WarcPlace

# About what archives use: large enough to be few, small enough to move around.
ROTATE_BYTES = 1_000_000_000
MAX_BODY_BYTES = 10_000_000  # as `fetch.max_bytes`
READ_BYTES = 65_536  # at once; what lies behind a record is copied once for each
# Why a page cannot be read from its capture; the file and the place are the detail.
DAMAGED = "the capture is damaged"
_MEMBER = b"\x1f\x8b\x08"  # RFC 1952, 2.3.1: how each record begins
_NAME = re.compile(r"wirehouse-\w+-(\d+)-\d+\.warc\.gz")
# WARC 1.1, 5.13: why a body is not whole.
_TRUNCATED = {"too_large": "length", "timeout": "time", "truncated": "disconnect"}


class CaptureDamaged(ValueError):  # noqa: N818 - says what happened, as the outcomes do
    """A capture that cannot be read back: which file, where, and what does not fit."""


class CaptureWriter:
    """Write responses to `<name>-00001.warc.gz` and on in *folder*; for one thread.

    A file is created by the first record that it holds, and the next one is begun when
    it has *rotate_bytes*.
    """

    def __init__(
        self, folder: Path, name: str, *, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        self._folder = folder
        self._name = name
        self._rotate_bytes = rotate_bytes
        self._number = 0
        self._file: BinaryIO | None = None
        self._file_name = ""
        self._size = 0  # of whole records in the file
        self._full: list[str] = []  # files that hold rows which may not be on record
        self._record_ids: dict[WarcPlace, str] = {}  # of pages that are under way
        self._is_settled = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, response: Response) -> WarcPlace | None:
        """Write every exchange; return the place of the last one's response.

        None when nothing was exchanged, as with a name that does not resolve.
        """
        place = None
        for exchange in response.exchanges:
            is_last = exchange is response.exchanges[-1]
            reason = _TRUNCATED.get(response.outcome) if is_last else None
            place, record_id = self._write_exchange(exchange, reason)
            if is_last:
                self._record_ids[place] = record_id
        return place

    def note(self, captures: Sequence[Capture]) -> None:
        """Write the rows of a page that is done, all of its tries at once.

        From here on its captures are kept: whoever finds the file open adopts them.
        """
        places = [capture.place for capture in captures if capture.place]
        ids = [self._record_ids.pop(place, None) for place in places]
        self._write(warc.metadata_record(captures, ids[-1] if ids else None))
        self._is_settled = False

    def note_images(self, results: Sequence[ImageResult]) -> None:
        """Write how images ended; their files are in the image cache already."""
        self._write(warc.images_record(results))
        self._is_settled = False

    def flush(self) -> None:
        """Bring all that is written to the disk; only then may a row name its place."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def settle(self) -> None:
        """Learn that all rows noted so far are on record."""
        self._is_settled = True
        for name in self._full:
            self._rename(name)
        self._full.clear()

    def close(self) -> None:
        """Flush and close; a later `write` begins another file.

        It stays marked as open if rows that it holds may not be on record.
        """
        if self._file is not None:
            self._end_file()
        if self._is_settled:
            self.settle()

    def _write_exchange(
        self, exchange: Exchange, truncated: str | None
    ) -> tuple[WarcPlace, str]:
        record_id = warc.new_record_id()
        place = self._write(warc.response_record(exchange, record_id, truncated))
        self._write(warc.request_record(exchange, record_id))
        return place, record_id

    def _write(self, record: bytes) -> WarcPlace:
        """Append a whole record, or nothing; raises `OSError` with the file's name."""
        if self._file is not None and self._size >= self._rotate_bytes:
            self._end_file()
        file = self._file or self._begin()
        rest = memoryview(record)
        # A signal strikes at a call: none may stand between the record and its size.
        place = WarcPlace(self._file_name, self._size, len(record))
        try:
            while rest:
                rest = rest[file.write(rest) :]
            self._size += len(record)
        except BaseException as error:
            file.truncate(self._size)
            file.seek(self._size)
            if isinstance(error, OSError):  # which does not know where it happened
                error.filename = file.name
            raise
        return place

    def _begin(self) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        while self._file is None:
            self._number += 1
            self._file_name = f"{self._name}-{self._number:05}.warc.gz"
            path = self._folder / self._file_name
            if path.exists() or _open_path(path).exists():
                continue
            self._size = 0
            # Unbuffered: what a full disk refuses is not tried again by a later write.
            self._file = _open_path(path).open("xb", buffering=0)
        sync_folder(self._folder)
        self._write(warc.info_record(self._file_name))
        return self._file

    def _end_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with file:
                os.fsync(file.fileno())
            self._full.append(self._file_name)

    def _rename(self, name: str) -> None:
        path = self._folder / name
        with suppress(FileNotFoundError):  # it was done, and interrupted thereafter
            _open_path(path).rename(path)
        sync_folder(self._folder)


def read_rows(path: Path) -> Iterator[tuple[int, list[Capture | ImageResult]]]:
    """Yield each whole record of a WARC file: where it ends, and the rows it holds.

    A last record that is torn is passed over. Raises `CaptureDamaged` where a record is
    not what it was.
    """
    end = 0
    with path.open("rb") as file:
        for length, record in _records(file, path.name):
            try:
                rows = warc.read_rows(record)
            except (ValueError, LookupError, TypeError) as error:
                raise _damaged(path.name, end, error) from error
            end += length
            yield end, rows


def find_files(folder: Path) -> list[tuple[int, Path]]:
    """Return the files that runs have closed, each with its run's number, in order.

    By the number, since a clock may have been wrong.
    """
    found = ((_NAME.fullmatch(path.name), path) for path in folder.glob("*.warc.gz"))
    return sorted((int(match[1]), path) for match, path in found if match)


def salvage_rows(path: Path) -> tuple[list[Capture | ImageResult], int]:
    """Return the rows of every record that is whole, and how many bytes are in none.

    What follows a damaged record is found again by the mark of its beginning.
    """
    rows: list[Capture | ImageResult] = []
    start, lost_bytes, size = 0, 0, path.stat().st_size
    if not size:
        return rows, 0
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        while start < size:
            file.seek(start)
            with suppress(CaptureDamaged, ValueError, LookupError, TypeError):
                for length, record in _records(file, path.name):
                    rows += warc.read_rows(record)
                    start += length
            if start < size:
                following = content.find(_MEMBER, start + 1)
                end = following if following > 0 else size
                lost_bytes += end - start
                start = end
    return rows, lost_bytes


def _records(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the length and the content of each gzip member that is whole."""
    start, ahead = 0, b""
    while True:
        unpacker = zlib.decompressobj(wbits=31)
        parts, length = [], 0
        while not unpacker.eof:
            packed = ahead or file.read(READ_BYTES)
            if not packed:
                return
            ahead = b""
            length += len(packed)
            try:
                parts.append(unpacker.decompress(packed))
            except zlib.error as error:
                raise _damaged(name, start, error) from error
        ahead = unpacker.unused_data
        length -= len(ahead)
        yield length, b"".join(parts)
        start += length


def read_capture(
    folder: Path, place: WarcPlace, *, max_bytes: int = MAX_BODY_BYTES
) -> warc.StoredResponse:
    """Read the response at *place*, verified by its length, checksum and digest.

    Raises `CaptureDamaged` when the file is missing there or does not fit, or when its
    body does not decode to at most *max_bytes* bytes.
    """
    try:
        return warc.read_response(_read(folder / place.file, place), max_bytes)
    except (OSError, ValueError, LookupError) as error:
        raise _damaged(place.file, place.offset, error) from error


def check_capture(folder: Path, place: WarcPlace, *, max_bytes: int) -> None:
    """Raise `CaptureDamaged` if what is at *place* is not what was written there.

    *max_bytes* is what a body may have had, as it was received.
    """
    try:
        warc.check_record(_read(folder / place.file, place), max_bytes)
    except (OSError, ValueError, LookupError) as error:
        raise _damaged(place.file, place.offset, error) from error


def _read(path: Path, place: WarcPlace) -> bytes:
    with _opened(path) as file:
        file.seek(place.offset)
        member = file.read(place.length)
    if len(member) < place.length:
        msg = f"only {len(member)} of {place.length} bytes are there"
        raise ValueError(msg)
    return member


def _opened(path: Path) -> BinaryIO:
    """Open a file by the name that it has or will have."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        return _open_path(path).open("rb")


def _open_path(path: Path) -> Path:
    return path.with_name(path.name + OPEN)


def _damaged(name: str, offset: int, error: Exception) -> CaptureDamaged:
    return CaptureDamaged(f"{name} at byte {offset}: {error}")
