"""The image cache: files named by their content, what is wrong with them, what is left.

Below the data directory are `images/ab/<sha256>.<ext>` with the bytes as received, and
`thumbnails/ab/<sha256>.webp`. Nothing that an address or a title says becomes a path.
What does not belong there is set aside, never deleted without being asked.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tasks.files import PART, FileGroup, remove_parts, sync_folder
from tasks.imageformats import is_whole_webp
from tasks.models import CacheFault, CheckedImage, KeptImage

IMAGES, THUMBNAILS = "images", "thumbnails"
SET_ASIDE = "set-aside"
_PIECE_BYTES = 1_000_000  # of a file that is read to be hashed


class ImageCache:
    """The files of a data *folder* that images are kept in, some at a time.

    What is kept is at its path, and on the disk, only once it is settled.
    """

    def __init__(self, folder: Path) -> None:
        for place in (IMAGES, THUMBNAILS):
            remove_parts(folder / place)
        self._folder = os.fspath(folder)
        self._files = FileGroup()

    def keep(self, content: bytes, image: CheckedImage) -> tuple[str, str]:
        """Keep *content* and its thumbnail, named by its SHA-256.

        Returned are both paths, relative to the folder; the second is empty where there
        is no thumbnail. A file that is there with the right size is not written again;
        any other is replaced as a whole. Raises `OSError`.
        """
        path = f"{IMAGES}/{image.sha256[:2]}/{image.sha256}.{image.extension}"
        thumbnail_path = _thumbnail_path(image)
        contents = {f"{self._folder}/{path}": content}
        if thumbnail_path:
            contents[f"{self._folder}/{thumbnail_path}"] = image.thumbnail
        self._files.add(contents)
        return path, thumbnail_path

    def keep_thumbnail(self, image: CheckedImage) -> str:
        """Keep the thumbnail alone; return its path, empty if there is none."""
        path = _thumbnail_path(image)
        if path:
            self._files.add({f"{self._folder}/{path}": image.thumbnail})
        return path

    def settle(self) -> None:
        """Bring all that was kept to its path, durably. Raises `OSError`."""
        self._files.settle()

    def close(self) -> None:
        """Let go of what is not settled."""
        self._files.close()


def _thumbnail_path(image: CheckedImage) -> str:
    if not image.thumbnail:
        return ""
    return f"{THUMBNAILS}/{image.sha256[:2]}/{image.sha256}.webp"


def find_faults(
    folder: Path, kept: Collection[KeptImage], seen: Callable[[], None]
) -> Iterator[CacheFault]:
    """Read every file that *kept* names, and look for others; yield what is wrong.

    *seen* is called for each image. A thumbnail has no sum of its own: it is changed if
    it is no whole WebP file.
    """
    for image in kept:
        seen()
        if fault := _fault_of_image(folder, image):
            yield CacheFault(fault, image.path, image)
        elif image.thumbnail_path and (
            fault := _fault_of_thumbnail(folder / image.thumbnail_path)
        ):
            yield CacheFault(fault, image.thumbnail_path, image)
    for path in unnamed_files(folder, kept):
        yield CacheFault("foreign", path)


def unnamed_files(
    folder: Path, kept: Collection[KeptImage], *, set_aside: bool = False
) -> list[str]:
    """Return what lies in the cache and no row names, as paths relative to *folder*.

    With *set_aside* also what was set aside before.
    """
    named = {image.path for image in kept} | {image.thumbnail_path for image in kept}
    places = (IMAGES, THUMBNAILS, *([SET_ASIDE] if set_aside else []))
    found = (path for place in places for path in _files(folder, folder / place))
    return sorted(path for path in found if path not in named)


def put_aside(folder: Path, path: str) -> None:
    """Move a file out of the cache; one that was only being written is deleted."""
    if path.endswith(PART):
        remove_file(folder, path)
        return
    target = folder / SET_ASIDE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / path).replace(target)
    sync_folder(target.parent)
    sync_folder((folder / path).parent)


def remove_file(folder: Path, path: str) -> None:
    """Delete a file of the cache for good."""
    (folder / path).unlink(missing_ok=True)


def size_of(folder: Path, path: str) -> int:
    """Return the size of a file in bytes, 0 if it is gone."""
    try:
        return (folder / path).lstat().st_size
    except FileNotFoundError:
        return 0


def _files(folder: Path, below: Path) -> Iterator[str]:
    """Yield whatever is no folder; a link is not followed."""
    for parent, folders, files in os.walk(below):
        links = [name for name in folders if os.path.islink(f"{parent}/{name}")]  # noqa: PTH114 - a string
        for name in files + links:
            yield (Path(parent) / name).relative_to(folder).as_posix()


def _fault_of_image(folder: Path, image: KeptImage) -> str:
    path = folder / image.path
    fault = _fault_of_file(path)
    if fault or (
        path.stat().st_size == image.size_bytes and _sha256(path) == image.sha256
    ):
        return fault
    return "changed"


def _fault_of_thumbnail(path: Path) -> str:
    fault = _fault_of_file(path)
    return fault or ("" if is_whole_webp(path.read_bytes()) else "changed")


def _fault_of_file(path: Path) -> str:
    """Tell what is wrong with it from outside; a pipe in its place must not be read."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "missing"
    return "" if stat.S_ISREG(mode) else "changed"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
