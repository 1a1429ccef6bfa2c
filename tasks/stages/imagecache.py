"""Steps on the image cache itself: is it as the rows say, and what is in it besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing

from tasks.imagecache import (
    SET_ASIDE,
    ImageCache,
    find_faults,
    put_aside,
    remove_file,
    size_of,
    unnamed_files,
)
from tasks.models import CacheFault, CheckedImage
from tasks.rows import lost_image_table
from tasks.run import Run

SHOWN_UNNAMED = 10  # files that are named before somebody is asked


def verify_images(run: Run) -> None:
    """Read the whole cache; what is missing or changed is due, the rest is set aside.

    Files go before their rows: where this is interrupted, the next time finds a row
    whose file is missing, never a row that trusts a changed one.
    """
    kept = run.warehouse.images.kept_images()
    run.begin("verifying images", len(kept))
    faults = list(find_faults(run.data, kept, run.advance))
    for fault in faults:
        run.say(f"{fault.path} is {fault.fault}")
        if fault.fault != "missing":
            put_aside(run.data, fault.path)
    lost = [fault for fault in faults if fault.image and fault.path == fault.image.path]
    for fault in lost:
        _put_thumbnail_aside(run, fault)
    run.warehouse.images.lose_images(lost_image_table(lost))
    torn = [f for f in faults if f.image and f.path == f.image.thumbnail_path]
    _make_thumbnails(run, torn)
    counts = Counter(fault.fault for fault in faults)
    run.counts["verified"] += len(kept)
    run.counts["damaged"] += counts["missing"] + counts["changed"]
    found = ", ".join(f"{counts[w]:,} {w}" for w in ("missing", "changed", "foreign"))
    run.say(f"{len(kept):,} cached images verified; files: {found}")
    if counts["changed"] or counts["foreign"]:
        run.say(f"what was changed or foreign is in {run.data / SET_ASIDE}")


def unnamed_images(run: Run) -> list[str]:
    """Return the files that no row names, and say what they are and how much."""
    paths = unnamed_files(run.data, run.warehouse.images.kept_images(), set_aside=True)
    size = sum(size_of(run.data, path) for path in paths)
    for path in paths[:SHOWN_UNNAMED]:
        run.say(path)
    if len(paths) > SHOWN_UNNAMED:
        run.say(f"… and {len(paths) - SHOWN_UNNAMED:,} more")
    run.say(f"{len(paths):,} files that no row names, {size:,} bytes")
    return paths


def remove_unnamed(run: Run, paths: Sequence[str]) -> None:
    """Delete files that no row names."""
    for path in paths:
        remove_file(run.data, path)
    run.say(f"{len(paths):,} files removed")


def _put_thumbnail_aside(run: Run, fault: CacheFault) -> None:
    """Let a thumbnail follow its image, which no row names any more."""
    path = fault.image.thumbnail_path if fault.image else None
    if path and (run.data / path).exists():
        put_aside(run.data, path)


def _make_thumbnails(run: Run, faults: Sequence[CacheFault]) -> None:
    """Make thumbnails again, of images that were found to be whole."""
    if not faults:
        return
    images = [fault.image for fault in faults if fault.image]
    contents = ((run.data / image.path).read_bytes() for image in images)
    with closing(ImageCache(run.data)) as cache:
        for verdict in run.image_checker.run(contents):
            if isinstance(verdict, CheckedImage):
                cache.keep_thumbnail(verdict)
        cache.settle()
