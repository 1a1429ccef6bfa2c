"""Regular files inside the root, whatever else lies there; and what changed of them."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tasks.models import (
    Changes,
    FoundFile,
    KnownFile,
    Listing,
    Rejection,
    Source,
    SourceFile,
)
from tasks.sources import changes as room
from tasks.sources.folder import TOO_FRESH_NS, list_folder, read_file
from tasks.sources.selection import Selection
from tests.pace import Watch

SOURCE_ID = UUID("00000000-0000-5000-8000-000000000001")
LONG_AGO_NS = 1_577_836_800 * 10**9  # 2020, in the ticks of a file system
LINK = "is a symbolic link; links are not followed"


def source(root: Path) -> Source:
    return Source(SOURCE_ID, "folder", "test", str(root))


def put(root: Path, *paths: str, content: bytes = b"---\na: 1\n---\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def listing(root: Path, **selection: Any) -> Listing:
    return list_folder(source(root), root, Selection(**selection))


def paths(root: Path, **selection: Any) -> list[str]:
    return [file.path for file in listing(root, **selection).files]


def refused(root: Path, **selection: Any) -> list[tuple[str, str]]:
    rejections = listing(root, **selection).rejections
    assert {(found.stage, found.source_id) for found in rejections} <= {
        ("read", SOURCE_ID)
    }
    return sorted((found.subject, found.reason) for found in rejections)


def read(root: Path, name: str, max_bytes: int = 1_000) -> SourceFile | Rejection:
    found = FoundFile(name, name, "article", 0, None)
    return read_file(source(root), root, found, max_bytes=max_bytes)


# Which files there are


def test_in_a_plain_folder_each_markdown_file_is_an_article(tmp_path: Path) -> None:
    put(tmp_path, "b.md", "a/C.MD", "a/d.markdown", "e.txt", "f.yaml", "a/b/c/g.md")

    (tmp_path / "notes.txt").write_text("no front matter")

    found, rejections = listing(tmp_path).files, listing(tmp_path).rejections

    paths = [file.path for file in found]
    assert paths == ["a/C.MD", "a/b/c/g.md", "a/d.markdown", "b.md", "e.txt"]
    assert {file.kind for file in found} == {"article"}
    assert rejections == []


def test_a_hub_has_articles_in_news_and_their_taxonomy_in_data(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "_news/2020/a.md", "_news/b.yaml")
    put(
        tmp_path,
        "_data/organizations/o.md",
        "_data/topics/t.yaml",
        "_data/topics/u.yml",
    )
    put(tmp_path, "_data/other/x.md", "_data/topics/v.json", "_drafts/d.md")

    found, rejections = listing(tmp_path).files, listing(tmp_path).rejections

    assert [(file.path, file.kind) for file in found] == [
        ("_data/organizations/o.md", "taxonomy"),
        ("_data/topics/t.yaml", "taxonomy"),
        ("_data/topics/u.yml", "taxonomy"),
        ("_news/2020/a.md", "article"),
    ]
    assert rejections == []


def test_a_hub_needs_no_taxonomy_and_an_empty_folder_holds_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "_news").mkdir()

    assert listing(tmp_path) == Listing([], [])


def test_folders_whose_names_begin_with_a_dot_are_not_entered(tmp_path: Path) -> None:
    put(tmp_path, ".git/a.md", "a/.cache/b.md", "c.md")

    assert paths(tmp_path) == ["c.md"]


def test_a_folder_named_like_an_article_is_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "x.md/a.md")

    assert paths(tmp_path) == ["x.md/a.md"]


def test_folders_are_walked_into_so_deep_and_no_deeper(tmp_path: Path) -> None:
    put(tmp_path, "1/2/a.md", "1/2/3/b.md")

    assert paths(tmp_path, max_depth=2) == ["1/2/a.md"]
    assert refused(tmp_path, max_depth=2) == [
        ("1/2/3", "lies more than 2 folders deep")
    ]


def test_folders_as_deep_as_can_be_are_no_trouble(tmp_path: Path) -> None:
    deep = "d/" * 300
    put(tmp_path, f"{deep}a.md")

    assert paths(tmp_path, max_depth=300) == [f"{deep}a.md"]
    assert len(refused(tmp_path)) == 1


def test_a_missing_folder_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        listing(tmp_path / "nowhere")


needs_permissions = pytest.mark.skipif(
    os.geteuid() == 0, reason="root may open every folder: run as another user"
)


@needs_permissions
def test_a_folder_that_may_not_be_opened_is_a_rejection(tmp_path: Path) -> None:
    put(tmp_path, "closed/a.md", "b.md")
    (tmp_path / "closed").chmod(0)

    try:
        assert paths(tmp_path) == ["b.md"]
        assert refused(tmp_path) == [
            ("closed", "cannot be opened: Permission denied"),
        ]
    finally:
        (tmp_path / "closed").chmod(0o700)


@needs_permissions
def test_articles_that_may_not_be_listed_are_an_error(tmp_path: Path) -> None:
    put(tmp_path, "_news/a.md")
    (tmp_path / "_news").chmod(0)

    try:
        with pytest.raises(PermissionError):
            listing(tmp_path)
    finally:
        (tmp_path / "_news").chmod(0o700)


@needs_permissions
def test_a_file_that_may_not_be_read_is_a_rejection(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    (tmp_path / "a.md").chmod(0)

    found = read(tmp_path, "a.md")

    assert isinstance(found, Rejection)
    assert (found.reason, found.detail) == ("cannot be read", "Permission denied")


# What is no regular file


def test_what_is_no_regular_file_is_a_rejection(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "link.md").symlink_to("/etc/passwd")
    (tmp_path / "broken.md").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.md"))

        assert paths(tmp_path) == []
        assert refused(tmp_path) == [
            ("broken.md", LINK),
            ("link.md", LINK),
            ("pipe.md", "is a named pipe, not a file"),
            ("socket.md", "is a socket, not a file"),
        ]


def test_links_to_folders_are_no_way_in_and_no_way_round(tmp_path: Path) -> None:
    put(tmp_path, "outside/secret.md", "root/a/b.md")
    root = tmp_path / "root"
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "again").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")

    assert paths(root) == ["a/b.md"]
    assert refused(root) == [("a/again", LINK), ("a/up", LINK), ("out", LINK)]


@pytest.mark.parametrize("name", ["_news", "_data", "_data/topics"])
def test_the_folders_of_a_hub_are_no_links_either(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    put(root, "_news/a.md", "_data/organizations/o.md", "_data/topics/t.yaml")
    (root / name).rename(tmp_path / "outside")
    (root / name).symlink_to(tmp_path / "outside")

    found = paths(root)

    assert not [path for path in found if path.startswith(name)]
    assert (name if name != "_data" else "_data/topics", LINK) in refused(root)


@pytest.mark.parametrize(
    ("make", "reason", "detail"),
    [
        (os.mkfifo, "is a named pipe, not a file", ""),
        (lambda path: path.mkdir(), "is a folder, not a file", ""),
        (
            lambda path: path.symlink_to("/etc/passwd"),
            "cannot be read",
            "Too many levels of symbolic links",
        ),
        (lambda path: path, "cannot be read", "No such file or directory"),
    ],
    ids=["pipe", "folder", "link", "nothing"],
)
def test_what_was_put_in_place_of_a_file_is_not_read(
    tmp_path: Path, make: object, reason: str, detail: str
) -> None:
    assert callable(make)
    make(tmp_path / "x.md")

    found = read(tmp_path, "x.md")

    assert found == Rejection("read", "x.md", reason, detail, None, SOURCE_ID)


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="needs Linux's /proc")
def test_a_file_that_holds_more_than_it_says_is_read_to_its_end() -> None:
    listed = FoundFile("maps", "maps", "article", 0, None)

    found = read_file(source(Path("/")), Path("/proc/self"), listed, max_bytes=10**7)

    assert isinstance(found, SourceFile)
    assert found.content.count(b"\n") > 10


def test_a_device_is_not_read() -> None:
    found = read(Path("/dev"), "null")

    assert isinstance(found, Rejection)
    assert found.reason == "is a device"


def test_a_sparse_file_of_20_gigabytes_costs_nothing(tmp_path: Path) -> None:
    with (tmp_path / "x.md").open("wb") as file:
        file.truncate(20_000_000_000)
    watch = Watch()

    (listed,) = listing(tmp_path).files
    found = read_file(source(tmp_path), tmp_path, listed, max_bytes=5_000_000)

    assert watch.within(1)
    assert listed.size_bytes == 20_000_000_000
    assert isinstance(found, Rejection)
    assert found.reason == "is larger than 5,000,000 bytes, see read.max_file_bytes"


@pytest.mark.parametrize(
    ("size", "is_read"), [(0, True), (1_000, True), (1_001, False)]
)
def test_a_file_is_read_up_to_its_limit(
    tmp_path: Path,
    size: int,
    is_read: bool,  # noqa: FBT001 - a column of the table
) -> None:
    put(tmp_path, "a.md", content=b"x" * size)

    found = read(tmp_path, "a.md")

    assert isinstance(found, SourceFile) == is_read
    if isinstance(found, SourceFile):
        assert found == SourceFile(SOURCE_ID, "a.md", "", b"x" * size)


# Names


def test_a_name_that_is_not_utf_8_is_spelled_with_its_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9-\xff.md")
    put(tmp_path, name, content=b"text")

    (listed,) = listing(tmp_path).files
    found = read_file(source(tmp_path), tmp_path, listed, max_bytes=1_000)

    assert listed.path == r"caf\xe9-\xff.md"
    assert isinstance(found, SourceFile)
    assert (found.path, found.content) == (r"caf\xe9-\xff.md", b"text")


@pytest.mark.parametrize(
    "name", ["ünïcode 灯台.md", "new\nline.md", " .md", "a'b\".md"]
)
def test_any_other_name_is_itself(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)

    assert paths(tmp_path) == [name]


# Fingerprints


def fingerprint(path: Path) -> str | None:
    (listed,) = listing(path.parent).files
    return listed.fingerprint


def test_a_file_just_written_has_no_fingerprint(tmp_path: Path) -> None:
    put(tmp_path, "a.md")

    assert fingerprint(tmp_path / "a.md") is None


def test_a_fingerprint_needs_a_quiet_moment_not_an_old_date(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    os.utime(tmp_path / "a.md", ns=(LONG_AGO_NS, LONG_AGO_NS))

    assert fingerprint(tmp_path / "a.md") is None  # its inode changed just now


def test_a_file_of_the_future_has_no_fingerprint(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    later = time.time_ns() + 10**12
    os.utime(tmp_path / "a.md", ns=(later, later))

    assert fingerprint(tmp_path / "a.md") is None


def test_a_fingerprint_stays_until_the_bytes_change(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    put(tmp_path, "a.md", content=b"one")
    time.sleep(TOO_FRESH_NS / 1e9 + 0.1)

    first, again = fingerprint(path), fingerprint(path)
    facts = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    assert first == again
    assert first is not None
    assert fingerprint(path) is None
    assert stat.S_ISREG(facts.st_mode)


# What changed


def file(path: str, fingerprint: str | None = "1", kind: str = "article") -> FoundFile:
    assert kind in {"article", "taxonomy"}
    is_article = kind == "article"
    return FoundFile(
        path, path, "article" if is_article else "taxonomy", 9, fingerprint
    )


def known(*files: KnownFile) -> dict[str, KnownFile]:
    return {each.path: each for each in files}


LOADED = KnownFile("a.md", "article", "loaded", "ab", "1")
REJECTED = KnownFile("b.md", "article", "rejected", "cd", "1")
TAXONOMY = KnownFile("_data/topics/t.yaml", "taxonomy", "loaded", "ef", "1")
SOURCE = Source(SOURCE_ID, "folder", "test", "/")


def changes(
    found: list[FoundFile],
    known: dict[str, KnownFile],
    *,
    full: bool,
) -> Changes:
    return room.changes(SOURCE, Listing(found, []), known, full=full)


def test_a_file_that_nobody_knows_is_to_be_read() -> None:
    seen = changes([file("a.md")], {}, full=False)

    assert seen.changed == (file("a.md"),)
    assert (seen.files, seen.unchanged, seen.rejected, seen.gone) == (1, 0, 0, ())


@pytest.mark.parametrize("fingerprint", ["2", None])
def test_a_file_with_another_fingerprint_or_none_is_to_be_read(
    fingerprint: str | None,
) -> None:
    seen = changes([file("a.md", fingerprint)], known(LOADED), full=False)

    (changed,) = seen.changed
    assert changed.before == LOADED
    assert seen.unchanged == 0


def test_no_fingerprint_is_no_sign_of_sameness() -> None:
    before = KnownFile("a.md", "article", "loaded", "ab", None)

    seen = changes([file("a.md", None)], known(before), full=False)

    assert len(seen.changed) == 1


def test_files_with_the_same_fingerprint_stay_what_they_were() -> None:
    found = [file("a.md"), file("b.md"), file(TAXONOMY.path, kind="taxonomy")]

    seen = changes(found, known(LOADED, REJECTED, TAXONOMY), full=False)

    assert seen.changed == ()
    assert (seen.files, seen.unchanged, seen.rejected) == (2, 1, 1)


def test_files_that_are_not_there_any_more_are_gone_in_order() -> None:
    seen = changes([], known(REJECTED, LOADED, TAXONOMY), full=False)

    assert seen.gone == (TAXONOMY, LOADED, REJECTED)
    assert seen.files == 0


def test_a_full_run_reads_every_file_again() -> None:
    found = [file("a.md"), file("b.md"), file(TAXONOMY.path, kind="taxonomy")]

    seen = changes(found, known(LOADED, REJECTED, TAXONOMY), full=True)

    assert [each.before for each in seen.changed] == [LOADED, REJECTED, TAXONOMY]
    assert (seen.files, seen.unchanged, seen.rejected) == (2, 0, 0)


@pytest.mark.parametrize("full", [False, True])
def test_every_article_file_has_one_fate(full: bool) -> None:  # noqa: FBT001 - drawn
    found = [file("a.md"), file("b.md"), file("c.md"), file("d.md", None)]

    seen = changes(found, known(LOADED, REJECTED), full=full)

    assert seen.files == len(seen.changed) + seen.unchanged + seen.rejected
