"""The hubs that are measured: a made one, copies with new addresses, changed files."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

FILES = 600  # of the made hub
ENTRIES = 30  # of `related` per file, drawn from a tenth as many as there are files
SHARE_CHANGED = 0.01  # of the files, for the row on a run after few changes
# The addresses of an article and of what it relates to; images and logos stay, as hubs
# share those.
_ADDRESS = re.compile(
    rb"^(?P<key> *(?:- )?(?:webUrl|originalUrl|ampWebUrl|cdnAmpWebUrl): *)"
    rb"(?P<quote>[\"']?)(?P<site>https?://[^/?#\s\"']+)(?P<path>[^?#\s\"']*)",
    re.MULTILINE,
)
_HEAT = re.compile(rb"^heat: *(\d+)", re.MULTILINE)
_SECURED = re.compile(rb'^secured: *"(.)', re.MULTILINE)


def make_hub(folder: Path, files: int = FILES) -> Path:
    """Write a hub of so many files that repeat the same entries of `related`."""
    draw = random.Random(0)  # noqa: S311 - the same hub each time
    entries = [_entry(number) for number in range(files // 10)]
    (folder / "_news").mkdir(parents=True)
    for number in range(files):
        related = "".join(draw.sample(entries, ENTRIES))
        text = (
            f'---\ncategory: news\ntitle: "Article {number}"\n'
            f"publishedDateTime: 2024-01-01T00:00:00Z\n"
            f'webUrl: "https://news.example/{number}"\n'
            f"quality: {number % 100}\nheat: {number % 100}\n\n"
            f"provider:\n  name: News\n  domain: news.example\n\n"
            f"topics:\n  - Topic {number % 20}\n\nrelated:\n{related}---\n"
        )
        (folder / "_news" / f"{number:05}.md").write_text(text, encoding="utf-8")
    return folder


def copy_hubs(hubs: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """Copy *hubs* to *folder*, each with *times* the files.

    The first copy of a file is the file itself; each further one has addresses of its
    own, also in what it relates to, so that *times* as many articles are loaded.
    """
    return [
        _copy_hub(hub, folder / f"{number}-{hub.name}", times)
        for number, hub in enumerate(hubs)
    ]


def change_some(hubs: Sequence[Path], round_number: int) -> int:
    """Rewrite heat or `secured` of one file in a hundred; return how many."""
    draw = random.Random(round_number)  # noqa: S311 - the same files each time
    files = [file for hub in hubs for file in sorted(hub.glob("_news/**/*.md"))]
    able = [file for file in files if _changed(file.read_bytes())]
    chosen = draw.sample(able, max(1, round(len(files) * SHARE_CHANGED)))
    for file in chosen:
        file.write_bytes(_changed(file.read_bytes()))
    return len(chosen)


def count_files(hubs: Sequence[Path]) -> int:
    """Count the article files of *hubs*."""
    return sum(1 for hub in hubs for _ in hub.glob("_news/**/*.md"))


def _copy_hub(hub: Path, folder: Path, times: int) -> Path:
    if (hub / "_data").is_dir():
        shutil.copytree(hub / "_data", folder / "_data")
    for file in sorted((hub / "_news").rglob("*.md")):
        content = file.read_bytes()
        target = folder / file.relative_to(hub)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        for number in range(1, times):
            copy = target.with_name(f"{file.stem}-c{number:02}.md")
            copy.write_bytes(_readdressed(content, f"-c{number:02}".encode()))
    return folder


def _readdressed(content: bytes, suffix: bytes) -> bytes:
    """Return *content* with *suffix* at the end of each article address's path."""

    def readdress(found: re.Match[bytes]) -> bytes:
        path = found["path"] or b"/"
        return found["key"] + found["quote"] + found["site"] + path + suffix

    return _ADDRESS.sub(readdress, content)


def _changed(content: bytes) -> bytes:
    """Return *content* with another heat, else with another `secured`, else nothing."""
    changed = _HEAT.sub(lambda found: b"heat: %d" % (int(found[1]) + 1), content, 1)
    if changed == content:
        changed = _SECURED.sub(_other_secret, content, 1)
    return changed if changed != content else b""


def _other_secret(found: re.Match[bytes]) -> bytes:
    return b'secured: "' + (b"B" if found[1] == b"A" else b"A")


def _entry(number: int) -> str:
    """Return one entry of `related` as hubs write it."""
    site = f"https://site{number % 40}.example"
    return (
        f'  - title: "Related article {number}"\n    excerpt: "{"Words. " * 40}"\n'
        f"    publishedDateTime: 2023-01-01T00:00:00Z\n"
        f'    webUrl: "{site}/{number}"\n    type: article\n    provider:\n'
        f"      name: Site {number % 40}\n      domain: site{number % 40}.example\n"
        f"    quality: {number % 100}\n    images:\n"
        f'      - url: "{site}/{number}.jpg"\n        width: 100\n        height: 50\n'
        f"        isCached: true\n"
    )
