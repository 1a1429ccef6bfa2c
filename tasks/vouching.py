"""Whether the files that rows name are there, and say what the rows do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tasks.models import StoredCapture, WarcPlace


def missing_files(folder: Path, paths: Iterable[str]) -> list[str]:
    """Return which image files of *paths*, relative to the *folder*, are not there.

    Folders are listed, for a tenth of what asking for each file would take.
    """
    named = set(paths)
    if not named:
        return []
    from tasks.imagecache import IMAGES  # noqa: PLC0415 - none, no import

    images = folder / IMAGES
    there = {
        f"{IMAGES}/{part.name}/{file.name}"
        for part in (images.iterdir() if images.is_dir() else ())
        if part.is_dir()
        for file in part.iterdir()
    }
    return sorted(named - there)


def damaged_captures(folder: Path, captures: Iterable[StoredCapture]) -> list[str]:
    """Return the addresses of *captures* whose body cannot be had or is another."""
    from tasks.captures import CaptureDamaged, read_capture  # noqa: PLC0415 - if any

    damaged = []
    for capture in captures:
        place = WarcPlace(capture.warc_file, capture.warc_offset, capture.warc_length)
        try:
            body = read_capture(folder, place).body
        except CaptureDamaged:
            damaged.append(capture.url)
            continue
        if hashlib.sha256(body).hexdigest() != capture.body_sha256:
            damaged.append(capture.url)
    return damaged
