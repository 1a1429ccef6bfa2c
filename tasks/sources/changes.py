"""What changed in a source since it was read: found files against known ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tasks.models import Changes, FoundFile, KnownFile, Listing, Source


def changes(
    source: Source, found: Listing, known: Mapping[str, KnownFile], *, full: bool
) -> Changes:
    """Compare what was *found* with *known*, by path; with *full*, all is to be read.

    What lies at or below the unseen paths could not be looked at, so nothing there is
    known to be gone.
    """
    changed = []
    unchanged = rejected = 0
    for file in found.files:
        before = known.get(file.path)
        if full or before is None or not _is_same(file, before):
            changed.append(replace(file, before=before))
        elif file.kind == "article":
            unchanged += before.fate == "loaded"
            rejected += before.fate == "rejected"
    present = {file.path for file in found.files}
    gone = tuple(
        known[path]
        for path in sorted(known)
        if path not in present and not _is_below(path, found.unseen)
    )
    return Changes(
        source,
        tuple(changed),
        gone,
        sum(file.kind == "article" for file in found.files),
        unchanged,
        rejected,
        found.revision,
        frozenset(rejection.subject for rejection in found.rejections),
    )


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _is_same(file: FoundFile, before: KnownFile) -> bool:
    return file.fingerprint is not None and file.fingerprint == before.fingerprint
