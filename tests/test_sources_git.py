"""Git sources: what a revision holds and what changed, read from our own mirror."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.sources.git import GitError, Repository, open_repository
from tests.repository import FIRST_SECOND, STEP_SECONDS, Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """An empty repository."""
    return Work(tmp_path / "work")


class Opened:
    """Opens sources into the mirrors of one test, and keeps what was said."""

    def __init__(self, folder: Path) -> None:
        self.mirror = folder / "mirrors" / "m.git"
        self.said: list[str] = []

    def __call__(self, location: object, branch: str = "") -> Repository:
        """Open a branch of what lies at *location*."""
        return open_repository(
            str(location), self.mirror, branch=branch, say=self.said.append
        )


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """A way to open sources."""
    return Opened(tmp_path)


def paths(repository: Repository, folder: str = "") -> list[str]:
    entries = repository.tree(repository.revision(), folder)
    return sorted(entry.path for entry in entries)


def history(
    repository: Repository, since: str | None = None, folder: str = ""
) -> list[tuple[str, str | None]]:
    """Return path and content of each version, oldest first."""
    versions = list(repository.versions(repository.revision(), since, folder))
    oids = [version.oid for version in versions if version.oid]
    contents = iter(repository.blobs(oids, 1_000))
    return [
        (version.path, (next(contents) or b"?").decode() if version.oid else None)
        for version in versions
    ]


def moment(number: int) -> datetime:
    return datetime.fromtimestamp(FIRST_SECOND + STEP_SECONDS * number, UTC)


# Where a source may be


@pytest.mark.parametrize("kind", ["path", "bare", "file", "bundle", "worktree"])
def test_a_source_is_read_wherever_it_lies(
    work: Work, opened: Opened, tmp_path: Path, kind: str
) -> None:
    head = work.commit(a="one", b__c="two")
    location = str(work.folder)
    if kind == "file":
        location = f"file://{location}"
    elif kind != "path":
        location = str(tmp_path / f"{kind}'s-own")
        make = {
            "bare": ("clone", "--quiet", "--bare", str(work.folder), location),
            "bundle": ("bundle", "create", "--quiet", location, "--all"),
            "worktree": ("worktree", "add", "--quiet", location),
        }[kind]
        work.git(*make)

    repository = opened(location)

    assert repository.revision() == head
    assert paths(repository) == ["a.md", "b/c.md"]
    assert paths(repository, "b") == ["c.md"]
    assert history(repository, folder="b") == [("c.md", "two")]


def test_hashes_of_the_longer_kind_are_read_too(tmp_path: Path, opened: Opened) -> None:
    work = Work(tmp_path / "work", "--object-format=sha256")
    head = work.commit(a="one")
    work.git("bundle", "create", "--quiet", str(tmp_path / "b"), "--all")

    assert len(head) == 64
    assert opened(work.folder).revision() == head
    assert Opened(tmp_path / "other")(tmp_path / "b").revision() == head


def test_a_source_made_again_with_other_hashes_is_fetched_anew(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    work.commit(a="one")
    opened(work.folder)
    other = Work(tmp_path / "other", "--object-format=sha256")
    head = other.commit(a="one")

    assert opened(other.folder).revision() == head


@pytest.mark.parametrize("detached", [False, True])
def test_without_a_branch_it_is_what_head_names(
    work: Work,
    opened: Opened,
    detached: bool,  # noqa: FBT001 - a column
) -> None:
    first = work.commit(a="one")
    second = work.commit(a="two")
    if detached:
        work.git("checkout", "--quiet", "--detach", first)

    assert opened(work.folder).revision() == (first if detached else second)


def test_a_branch_is_read_by_its_name(work: Work, opened: Opened) -> None:
    first = work.commit(a="one")
    work.git("branch", "team/old")
    work.git("tag", "v1")
    work.commit(a="two")

    assert opened(work.folder, "team/old").revision() == first
    assert opened(work.folder, "refs/tags/v1").revision() == first
    with pytest.raises(GitError, match="it has no branch 'new': name one of main, t"):
        opened(work.folder, "new")


def test_a_bundle_without_head_is_read_if_it_has_one_branch(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    head = work.commit(a="one")
    work.git("bundle", "create", "--quiet", str(tmp_path / "one"), "main")
    work.git("branch", "other")
    work.git("bundle", "create", "--quiet", str(tmp_path / "two"), "main", "other")

    assert opened(tmp_path / "one").revision() == head
    with pytest.raises(GitError, match="its HEAD leads nowhere: name one of main, oth"):
        opened(tmp_path / "two")


def test_a_newer_bundle_brings_what_is_new(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    first = work.commit(a="one")
    work.git("bundle", "create", "--quiet", str(tmp_path / "b"), "--all")
    opened(tmp_path / "b")
    second = work.commit(a="two")
    work.git("bundle", "create", "--quiet", str(tmp_path / "b"), "--all", f"^{first}")

    assert opened(tmp_path / "b").revision() == second


# What changed


def test_history_is_told_oldest_first_with_the_time_of_each_commit(
    work: Work, opened: Opened
) -> None:
    first = work.commit(a="one", b="other")
    second = work.commit(a="two")
    third = work.commit(b=None)

    repository = opened(work.folder)

    assert history(repository) == [
        ("a.md", "one"),
        ("b.md", "other"),
        ("a.md", "two"),
        ("b.md", None),
    ]
    found = list(repository.versions(third, None))
    assert [version.revision for version in found] == [first, first, second, third]
    assert [version.committed_at for version in found] == [
        moment(0), moment(0), moment(1), moment(2),
    ]  # fmt: skip
    assert history(repository, first) == [("a.md", "two"), ("b.md", None)]
    assert history(repository, third) == []


def test_a_rename_is_a_file_gone_and_a_file_come(work: Work, opened: Opened) -> None:
    first = work.commit(a="one")
    work.git("mv", "a.md", "b.md")
    work.commit_all()

    assert history(opened(work.folder), first) == [("a.md", None), ("b.md", "one")]


def test_a_merge_is_shown_where_it_differs_from_one_that_it_joins(
    work: Work, opened: Opened
) -> None:
    start = work.commit(both="0", main="0", side="0")
    work.git("checkout", "--quiet", "-b", "side")
    side = work.commit(both="side", side="1")
    work.git("checkout", "--quiet", "main")
    main = work.commit(both="main", main="1")
    work.git("merge", "--quiet", "--no-commit", "--strategy=ours", "side")
    merge = work.commit(both="joined", side="1")

    repository = opened(work.folder)

    joined = [("both.md", "joined"), ("main.md", "1"), ("side.md", "1")]
    assert sorted(history(repository, start)[4:]) == joined
    versions = list(repository.versions(merge, start))[4:]
    assert {v.path for v in versions if v.is_taken} == {"main.md", "side.md"}
    assert repository.is_straight(start, merge)
    assert not repository.is_straight(main, merge)
    assert not repository.is_straight(merge, start)
    assert not repository.is_straight("0" * 40, merge)
    assert repository.is_ancestor(side, merge)
    assert not repository.is_ancestor(merge, side)


def test_who_asks_for_no_bytes_starts_no_process(
    work: Work, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.commit(a="1")
    repository = opened(work.folder)

    monkeypatch.setenv("PATH", "")

    assert list(repository.blobs([], 10)) == []
    with pytest.raises(GitError):
        list(repository.blobs([repository.revision()], 10))


def test_what_is_no_file_is_told_by_its_mode_and_has_no_bytes(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    inner = Work(tmp_path / "inner")
    inner.commit(x="x")
    work.commit(link="text")
    (work.folder / "link.md").unlink()
    (work.folder / "link.md").symlink_to("/etc/passwd")
    work.git("submodule", "--quiet", "add", str(inner.folder), "sub.md")
    work.commit_all()

    repository = opened(work.folder)

    modes = {e.path: e.mode for e in repository.tree(repository.revision())}
    assert modes == {".gitmodules": "100644", "link.md": "120000", "sub.md": "160000"}
    assert ("link.md", None) in history(repository)
    assert ("sub.md", None) in history(repository)


def test_names_are_kept_byte_for_byte(work: Work, opened: Opened) -> None:
    name = os.fsdecode(b"caf\xe9\n\t\"'.md")
    work.put(name, "one")
    work.put(":(glob)/**.md", "two")
    head = work.commit_all()

    repository = opened(work.folder)

    assert sorted(e.path for e in repository.tree(head)) == [":(glob)/**.md", name]
    (odd, plain) = sorted(repository.versions(head, None), key=lambda v: v.path)[::-1]
    assert (odd.path, odd.file_name) == ("caf\\xe9\n\t\"'.md", name)
    assert plain.path == ":(glob)/**.md"
    assert history(repository, folder=":(glob)") == [("**.md", "two")]


def test_a_time_that_no_calendar_has_is_the_nearest_that_one_has(
    work: Work, opened: Opened
) -> None:
    tree = work.git("write-tree")
    lines = (
        f"tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 99999999999999 +0000\n\n"
    )
    work.put("c", lines)
    commit = work.git("hash-object", "--literally", "-t", "commit", "-w", "c")
    work.git("update-ref", "HEAD", commit)
    work.put("a.md", "x")

    repository = opened(work.folder)

    assert list(repository.versions(repository.revision(), None)) == []


def test_a_folder_that_is_not_there_is_an_error(work: Work, opened: Opened) -> None:
    head = work.commit(a="one")

    with pytest.raises(GitError, match="has no folder 'b' at commit"):
        opened(work.folder).tree(head, "b")


# Blobs


def test_a_blob_that_is_too_large_is_none_and_the_next_is_read(
    work: Work, opened: Opened
) -> None:
    head = work.commit(a="x" * 10, b="y" * 11, c="", d="\n\0z")
    repository = opened(work.folder)
    oids = [entry.oid for entry in repository.tree(head)]

    assert list(repository.blobs(oids, 10)) == [b"x" * 10, None, b"", b"\n\0z"]
    assert list(repository.blobs([], 10)) == []


def test_many_blobs_are_read_at_once_and_left_at_any_time(
    work: Work, opened: Opened
) -> None:
    head = work.commit(a="x" * 100_000)
    repository = opened(work.folder)
    oids = [entry.oid for entry in repository.tree(head)] * 3_000

    assert sum(len(blob or b"") for blob in repository.blobs(oids, 10**6)) == 3 * 10**8
    blobs = repository.blobs(iter(oids), 10**6)
    assert next(blobs) == b"x" * 100_000
    blobs.close()  # type: ignore[attr-defined]


def test_an_object_that_is_not_there_is_an_error(work: Work, opened: Opened) -> None:
    work.commit(a="one")

    with pytest.raises(GitError, match=r"git has no object 0{40} \(missing\)"):
        list(opened(work.folder).blobs(["0" * 40], 10))


def test_what_goes_wrong_with_the_asking_is_told(work: Work, opened: Opened) -> None:
    work.commit(a="one")

    def wrong(_: int) -> str:
        msg = "asked for nonsense"
        raise LookupError(msg)

    with pytest.raises(LookupError, match="nonsense"):
        list(opened(work.folder).blobs(map(wrong, [1]), 10))


# A source that changes its past, or cannot be had


def test_a_rewritten_history_replaces_the_old_one(work: Work, opened: Opened) -> None:
    work.commit(a="one")
    old = work.commit(a="two")
    opened(work.folder)
    work.git("reset", "--quiet", "--hard", "HEAD~1")
    new = work.commit(a="three")

    repository = opened(work.folder)

    assert repository.revision() == new
    assert not repository.is_ancestor(old, new)
    assert not repository.has("0" * 40)


def test_a_shallow_source_is_read_and_grows_when_it_does(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    work.commit(a="one")
    work.commit(a="two")
    shallow = tmp_path / "shallow"
    url = f"file://{work.folder}"
    work.git("clone", "--quiet", "--depth=1", url, str(shallow))

    first = opened(shallow)
    assert (first.is_shallow, history(first)) == (True, [("a.md", "two")])
    work.git("-C", str(shallow), "fetch", "--quiet", "--unshallow")
    second = opened(shallow)

    assert history(second) == [("a.md", "one"), ("a.md", "two")]
    assert (second.is_shallow, opened(shallow).is_shallow) == (True, False)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/nowhere", "'/nowhere' does not appear to be a git repository"),
        ("http://127.0.0.1:1/x", "unable to access 'http://127.0.0.1:1/x/': Failed"),
        ("nowhere.invalid:x", "ssh: |cannot run ssh"),
        ("ext::sh -c true", "transport 'ext' not allowed"),
        ("--upload-pack=true", "strange pathname '--upload-pack=true' blocked"),
    ],
)
def test_a_source_that_cannot_be_had_is_an_error_that_leaves_the_mirror(
    work: Work, opened: Opened, location: str, words: str
) -> None:
    head = work.commit(a="one")
    for _ in range(2):
        with pytest.raises(GitError, match=words):
            opened(location)
        assert not list(opened.mirror.parent.glob("*.new"))
        assert opened(work.folder).revision() == head
    assert opened.said == []


def test_an_empty_repository_is_an_error(work: Work, opened: Opened) -> None:
    with pytest.raises(GitError, match="it holds no commit yet"):
        opened(work.folder)


def test_a_bundle_that_is_cut_off_is_an_error(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    work.commit(a="one" * 1000)
    bundle = tmp_path / "b"
    work.git("bundle", "create", "--quiet", str(bundle), "--all")
    bundle.write_bytes(bundle.read_bytes()[:-30])

    with pytest.raises(GitError, match=r"EOF|corrupt|mismatch"):
        opened(bundle)


# The mirror


@pytest.mark.parametrize("damage", ["no HEAD", "pack cut off", "no packs", "a folder"])
def test_a_damaged_mirror_is_fetched_anew(
    work: Work, opened: Opened, damage: str
) -> None:
    import shutil

    work.commit(a="one")
    opened(work.folder)
    packs = opened.mirror / "objects" / "pack"
    if damage == "no HEAD":
        (opened.mirror / "HEAD").unlink()
    elif damage == "pack cut off":
        (pack,) = packs.glob("*.pack")
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:50])
    elif damage == "no packs":
        shutil.rmtree(packs)
    else:
        shutil.rmtree(opened.mirror)
        opened.mirror.mkdir()
    head = work.commit(a="two")

    repository = opened(work.folder)

    assert repository.revision() == head
    assert history(repository) == [("a.md", "one"), ("a.md", "two")]


def test_a_half_made_mirror_is_not_in_the_way(work: Work, opened: Opened) -> None:
    head = work.commit(a="one")
    half = opened.mirror.with_name("m.git.new")
    half.mkdir(parents=True)
    (half / "HEAD").write_text("rubbish")

    assert opened(work.folder).revision() == head
    assert not half.exists()


# What a source may not do


def test_nothing_that_a_repository_configures_is_run(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(ran))}\ncat\n")
    program.chmod(0o700)
    work.put(".gitattributes", "*.md filter=evil diff=evil\n")
    work.commit(a="one")
    for name in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.alternateRefsCommand",
        "diff.evil.textconv", "diff.external", "filter.evil.clean",
        "filter.evil.smudge", "gpg.program", "uploadpack.packObjectsHook",
        "credential.helper", "remote.origin.uploadpack",
    ):  # fmt: skip
        work.git("config", name, str(program))
    work.git("config", "log.showSignature", "true")
    work.git("config", "core.hooksPath", str(tmp_path))
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc"):
        (tmp_path / hook).symlink_to(program)

    repository = opened(work.folder)

    assert history(repository)[-1] == ("a.md", "one")
    assert not ran.exists()


def test_a_partial_clone_is_not_completed_by_what_it_names(
    work: Work, opened: Opened, tmp_path: Path
) -> None:
    """It lacks blobs, and says with which program to get them."""
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(ran))}\n")
    program.chmod(0o700)
    work.commit(a="one")
    work.git("config", "uploadpack.allowFilter", "true")
    url, clone = f"file://{work.folder}", str(tmp_path / "clone")
    work.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", url, clone)
    work.git("-C", clone, "config", "remote.origin.uploadpack", str(program))

    with pytest.raises(GitError):
        opened(clone)

    assert not ran.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_repository_of_somebody_else_is_read(work: Work, opened: Opened) -> None:
    head = work.commit(a="one")
    for path in (work.folder, *work.folder.rglob("*")):
        os.chown(path, 65534, 65534)

    assert opened(work.folder).revision() == head


def test_a_repository_named_by_the_environment_is_not_the_one_read(
    work: Work, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = work.commit(a="one")
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))

    assert opened(work.folder).revision() == head


def test_a_missing_git_is_one_clear_line(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(GitError, match="the program git is not on the PATH"):
        opened("/x")
