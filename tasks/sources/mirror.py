"""Mirrors: each git source fetched into a bare repository of our own, by one ref."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tasks.sources.plumbing import GitError, run_git, run_guarded, upload_pack
from tasks.values import dataclass

HEAD = "refs/wirehouse/head"  # what the selected branch of the source was at last
_URL = re.compile(r"(?!file://)([a-z]+://|[^/]+:)")  # also the `host:path` of ssh
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null"),
    *(
        "-c",
        "fetch.unpackLimit=1",
    ),  # a pack each time; git joins them when there are 50
    *("-c", "gc.autoDetach=false"),  # and then leaves nothing running
)
_FETCH = ("fetch", "--quiet", "--no-tags", "--update-shallow", "--no-write-fetch-head")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Remote:
    """Where to fetch from: a branch (empty: the one that HEAD names) of a location."""

    location: str
    branch: str
    seconds: float


def update_mirror(
    location: str, mirror: Path, *, branch: str, seconds: float, say: Say
) -> None:
    """Bring the branch of *location* into *mirror*, which is made if need be.

    A mirror that is damaged is made anew, which is said. Raises `GitError` and leaves
    the mirror as it was when the source cannot be fetched.
    """
    remote = _Remote(location, branch, seconds)
    if not (mirror / "HEAD").is_file():
        _make(remote, mirror)
        return
    try:
        _fetch(remote, mirror)
    except GitError as error:
        # A source may have been made again with other hashes.
        if _is_whole(mirror) and "mismatched algorithms" not in str(error):
            raise
        _make(remote, mirror)
        say(f"{mirror} was damaged, and is fetched anew")


def discard_mirror(mirror: Path) -> None:
    """Throw away a mirror that proved to be damaged: the next run fetches it anew."""
    shutil.rmtree(mirror, ignore_errors=True)


def _make(remote: _Remote, mirror: Path) -> None:
    """Fetch into a fresh repository, which gets its name once it is whole."""
    fresh = mirror.with_name(f"{mirror.name}.new")
    try:
        try:
            _init(fresh, _bundle_format(remote.location))
            _fetch(remote, fresh)
        except GitError as error:
            if "mismatched algorithms" not in str(error):
                raise
            _init(fresh, "sha256")
            _fetch(remote, fresh)
        shutil.rmtree(mirror, ignore_errors=True)
        fresh.rename(mirror)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _init(mirror: Path, object_format: str) -> None:
    shutil.rmtree(mirror, ignore_errors=True)
    mirror.parent.mkdir(parents=True, exist_ok=True)
    form = f"--object-format={object_format}"
    run_git(mirror, "init", "--quiet", "--bare", "--template=", form)


def _bundle_format(location: str) -> str:
    """Return the hashes of a bundle, which git tells of repositories alone."""
    with suppress(OSError), Path(location).open("rb") as file:
        if b"\n@object-format=sha256\n" in file.read(200):
            return "sha256"
    return "sha1"


def _fetch(remote: _Remote, mirror: Path) -> None:
    if _is_bundle_known(remote, mirror):
        return
    try:
        _fetch_ref(remote, mirror, _ref(remote.branch))
    except GitError as error:
        if "couldn't find remote ref" not in str(error):
            raise
        heads = _branches(remote, mirror)
        if remote.branch or len(heads) != 1:
            raise GitError(_no_such_branch(remote.branch, heads)) from None
        _fetch_ref(remote, mirror, _ref(heads[0]))


def _is_bundle_known(remote: _Remote, mirror: Path) -> bool:
    """Tell whether a bundle holds what is here: git would unpack all of it again."""
    with suppress(GitError):
        if Path(remote.location).is_file():
            known = run_git(mirror, "rev-parse", "--verify", "--quiet", HEAD).strip()
            listed = _run(remote, mirror, ["ls-remote"], []).splitlines()
            return f"\t{_ref(remote.branch)}".encode() in {
                line.removeprefix(known) for line in listed
            }
    return False


def _fetch_ref(remote: _Remote, mirror: Path, wanted: str) -> None:
    fetch = list(_FETCH)
    if (mirror / "shallow").is_file():  # or what the source has now would stay cut off
        fetch.append("--unshallow")
    _run(remote, mirror, fetch, [f"+{wanted}:{HEAD}"])


def _ref(branch: str) -> str:
    if not branch:
        return "HEAD"
    return branch if branch.startswith("refs/") else f"refs/heads/{branch}"


def _branches(remote: _Remote, mirror: Path) -> list[str]:
    lines = _run(remote, mirror, ["ls-remote", "--heads"], []).splitlines()
    names = (line.partition(b"\t")[2].decode("utf-8", "replace") for line in lines)
    return sorted(name.removeprefix("refs/heads/") for name in names)


def _no_such_branch(branch: str, heads: Sequence[str]) -> str:
    if not heads:
        return "it holds no commit yet"
    there = ", ".join(heads[:5]) + (", …" if len(heads) > 5 else "")
    wrong = f"it has no branch {branch!r}" if branch else "its HEAD leads nowhere"
    return f"{wrong}: name one of {there} as its `branch`"


def _run(
    remote: _Remote, mirror: Path, command: Sequence[str], refs: Sequence[str]
) -> bytes:
    for_url = _URL.match(remote.location) is not None
    here = [] if for_url else [f"--upload-pack={upload_pack()}"]
    words = ["git", f"--git-dir={mirror}", *_OPTIONS, *command, *here]
    return run_guarded(
        [*words, "--", remote.location, *refs],
        seconds=remote.seconds,
        for_url=for_url,
    )


def _is_whole(mirror: Path) -> bool:
    """Tell whether every object that the mirror's head needs is there."""
    try:
        run_git(mirror, "rev-list", "--objects", "--quiet", HEAD, "--")
    except GitError:
        return False
    return True
