"""The only room that keeps and reads raw responses, in WARC files.

A file is never appended to: each writer takes the next free number, so what a killed
run left torn at the end of its file stays harmless, and no row of the warehouse points
there (see `CaptureWriter.flush`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Self

from tasks import warc
from tasks.files import sync_folder
from tasks.models import Exchange, Response, WarcPlace

# About what archives use: large enough to be few, small enough to move around.
ROTATE_BYTES = 1_000_000_000
MAX_BODY_BYTES = 10_000_000  # as `fetch.max_bytes`
# WARC 1.1, 5.13: why a body is not whole.
_TRUNCATED = {"too_large": "length", "timeout": "time", "truncated": "disconnect"}


class CaptureDamaged(ValueError):  # noqa: N818 - says what happened, as the outcomes do
    """A capture that cannot be read back: which file, where, and what does not fit."""


class CaptureWriter:
    """Write responses to `<name>-00001.warc.gz` and on in *folder*; for one thread.

    A file is created by the first response it holds, and the next one is begun when it
    has *rotate_bytes*.
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
            place = self._write_exchange(exchange, reason)
        return place

    def flush(self) -> None:
        """Bring all that is written to the disk; only then may a row name its place."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close; a later `write` begins another file."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None

    def _write_exchange(self, exchange: Exchange, truncated: str | None) -> WarcPlace:
        if self._file is not None and self._file.tell() >= self._rotate_bytes:
            self.close()
        file = self._file or self._begin()
        response_id = warc.new_record_id()
        offset = file.tell()
        file.write(warc.response_record(exchange, response_id, truncated))
        place = WarcPlace(self._file_name, offset, file.tell() - offset)
        file.write(warc.request_record(exchange, response_id))
        return place

    def _begin(self) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        while self._file is None:
            self._number += 1
            self._file_name = f"{self._name}-{self._number:05}.warc.gz"
            try:
                self._file = (self._folder / self._file_name).open("xb")
            except FileExistsError:
                continue
        sync_folder(self._folder)
        self._file.write(warc.info_record(self._file_name))
        return self._file


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
        msg = f"{place.file} at byte {place.offset}: {error}"
        raise CaptureDamaged(msg) from error


def _read(path: Path, place: WarcPlace) -> bytes:
    with path.open("rb") as file:
        file.seek(place.offset)
        member = file.read(place.length)
    if len(member) < place.length:
        msg = f"only {len(member)} of {place.length} bytes are there"
        raise ValueError(msg)
    return member
