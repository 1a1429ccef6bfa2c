"""Which paths are read: hubs, other folders, and globs of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tasks.models import Source
from tasks.settings import SourceSettings
from tasks.sources.folder import list_folder
from tasks.sources.location import SourceError, locate_source, source_place
from tasks.sources.selection import Entry, Region, Selection, choose, takes
from tests.repository import Work

SOURCE = Source(UUID(int=1), "folder", "test", "/")
ALL = Region("", "article")


@pytest.mark.parametrize(
    ("glob", "name", "is_match"),
    [
        ("*.md", "a.md", True),
        ("*.md", "b/a.md", False),
        ("**/*.md", "a.md", True),
        ("**/*.md", "b/c/a.md", True),
        ("posts/**", "posts/b/a.html", True),
        ("posts/**", "posts", False),
        ("posts/**/x/*.md", "posts/x/a.md", True),
        ("posts/**/x/*.md", "posts/1/2/x/a.md", True),
        ("posts/**/x/*.md", "posts/yx/a.md", False),
        ("a?.md", "ab.md", True),
        ("a?.md", "a/.md", False),
        ("[ab].md", "b.md", True),
        ("[!ab].md", "b.md", False),
        ("[!ab].md", "c.md", True),
        ("[^a].md", "a.md", True),
        ("[a-c].md", "b.md", True),
        ("[c-a].md", "[c-a].md", True),
        ("a.md", "axmd", False),
        ("a+(b).md", "a+(b).md", True),
        ("*.md", "new\nline.md", True),
        ("*.MD", "a.md", False),
    ],
)
def test_a_glob_stays_within_a_folder_unless_it_says_otherwise(
    glob: str,
    name: str,
    is_match: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert (takes(Selection(include=(glob,)), ALL, name) == "yes") == is_match
    assert (takes(Selection(exclude=(glob,)), ALL, name) == "no") or not is_match


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), ["_data/topics/t.yaml", "_news/a.md", "_news/b/c.md"]),
        ((), ("_news/b/**",), ["_data/topics/t.yaml", "_news/a.md"]),
        ((), ("**/*.yaml", "**/a.md"), ["_news/b/c.md"]),
        (("posts/*.html",), (), ["_data/topics/t.yaml", "posts/d.html"]),
        (("**/*.md",), ("posts/**",), ["_data/topics/t.yaml", "_news/a.md",
                                       "_news/b/c.md"]),
    ],
)  # fmt: skip
def test_globs_choose_the_articles_and_the_taxonomy_of_a_hub_stays(
    tmp_path: Path,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    expected: list[str],
) -> None:
    names = ["_data/topics/t.yaml", "_news/a.md", "_news/b/c.md", "posts/d.html",
             "posts/e.md", ".x/f.md"]  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    selection = Selection(include, exclude)

    walked = list_folder(SOURCE, tmp_path, selection)
    listed, _ = choose(SOURCE, [Entry(n, n, 1, "") for n in names], selection)

    assert [file.path for file in walked.files] == expected
    assert [file.path for file, _ in listed] == expected
    assert {f.path: f.kind for f in walked.files} == {f.path: f.kind for f, _ in listed}


def test_a_link_is_missed_where_it_could_have_been_read() -> None:
    names = ["_news/link", "_data", "other", "_news/.x/link"]
    entries = [Entry(name, name, 1, "", "is a link") for name in names]

    _, rejections = choose(SOURCE, entries, Selection())
    _, of_globs = choose(SOURCE, entries, Selection(include=("**/*.md",)))

    assert [found.subject for found in rejections] == ["_data", "_news/link"]
    assert [found.subject for found in of_globs] == ["_data"]


# Where a source is


def place(location: object, **fields: Any) -> SourceSettings:
    return SourceSettings(location=str(location), **fields)


def test_the_kind_of_a_source_is_found_out_unless_it_is_said(tmp_path: Path) -> None:
    work = Work(tmp_path / "clone")
    work.commit(a="x")
    work.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    work.git("bundle", "create", "--quiet", str(tmp_path / "b.bundle"), "--all")
    work.git("bundle", "create", "--quiet", str(tmp_path / "odd"), "--all")
    (tmp_path / "plain").mkdir()
    (tmp_path / "a.zip").write_bytes(b"")
    (tmp_path / "A.TAR.GZ").write_bytes(b"")
    expected = {
        "clone": "git", "bare": "git", "b.bundle": "git", "odd": "git",
        "plain": "folder", "a.zip": "archive", "A.TAR.GZ": "archive",
    }  # fmt: skip

    found = {name: locate_source(place(tmp_path / name)).kind for name in expected}

    assert found == expected
    assert locate_source(place(tmp_path / "clone", kind="folder")).kind == "folder"


@pytest.mark.parametrize(
    "location",
    [
        "https://x.example/a.git",
        "git://x/a",
        "ssh://u@x/a",
        "x.example:a/b",
        "file:///a",
    ],
)
def test_an_address_is_git(location: str) -> None:
    source = locate_source(place(location))

    assert (source.kind, source.location, source.name) == ("git", location, location)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("nowhere", "is not there: name a folder"),
        ("ftp://x.example/a", "has an address of kind 'ftp://': git reads file, git"),
        (__file__, "is a file, but no git bundle and no archive"),
    ],
)
def test_what_cannot_be_a_source_is_told_in_words(location: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        locate_source(place(location))


def test_a_kind_that_is_wrong_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not what its `kind` says: name a folder"):
        locate_source(place(__file__, kind="folder"))
    with pytest.raises(SourceError, match="is not what its `kind` says"):
        locate_source(place(tmp_path, kind="archive"))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://ada:secret@x.example/a", "https://x.example/a"),
        ("https://token@x.example/a", "https://x.example/a"),
        ("ssh://git:secret@x.example/a", "ssh://git@x.example/a"),
        ("git@x.example:a/b", "git@x.example:a/b"),
    ],
)
def test_a_place_is_spelled_without_what_is_secret(location: str, shown: str) -> None:
    assert source_place(place(location)) == shown
    assert source_place(place(location, branch="b", folder="f")) == f"{shown}#b:f"
    assert place(location).label == shown
