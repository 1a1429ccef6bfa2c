"""A capture on disk becomes a page: what a child process does for each."""

from __future__ import annotations

from pathlib import Path

from tasks.captures import DAMAGED, CaptureDamaged, read_capture
from tasks.models import DueExtraction, Page, Rejection, WarcPlace
from tasks.pages import read_page


def extract_page(captures: Path, due: DueExtraction) -> Page | Rejection:
    """Read the response that *due* names below *captures*; never raises."""
    place = WarcPlace(due.warc_file, due.warc_offset, due.warc_length)
    try:
        stored = read_capture(captures, place)
    except CaptureDamaged as error:
        return Rejection("page", due.url, DAMAGED, str(error))
    return read_page(
        stored.body,
        due.url,
        due.content_type,
        fetched_at=stored.requested_at,
        publisher=due.publisher,
    )
