"""The git program: run by its plumbing commands, apart from anybody's configuration."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# What would lead git to another repository, another index or other objects than ours.
_ELSEWHERE = frozenset(
    """
    GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_DEFAULT_HASH GIT_DIR
    GIT_GRAFT_FILE GIT_INDEX_FILE GIT_NAMESPACE GIT_OBJECT_DIRECTORY GIT_PREFIX
    GIT_REPLACE_REF_BASE GIT_SHALLOW_FILE GIT_TEMPLATE_DIR GIT_WORK_TREE
    """.split()
)
_ALWAYS = {
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",  # `ext::` would run a program
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone asks nobody for what it lacks
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",  # messages in the words that are looked for here
}
_NOBODYS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
# Run by the shell in a group of its own: ends the whole group when standard input does,
# which is when this program is gone, however it went.
_GUARD = """
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3; kill -KILL 0; } >/dev/null 2>&1 &
wait "$child"
"""
_LOST_REMOTE = "fatal: Could not read from remote repository."


class GitError(Exception):
    """What git could not do: one line in its words, and what to do about it."""


def run_git(folder: Path, *arguments: str) -> bytes:
    """Run a command on the repository of *folder*; its output, or `GitError`."""
    with streamed_git(folder, *arguments) as (_, output):
        return output.read()


@contextmanager
def streamed_git(
    folder: Path, *arguments: str
) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Give the input and output of a command on *folder* while it runs.

    The command is gone when the block is left, and its failure is a `GitError` if the
    block read its output to the end.
    """
    with tempfile.TemporaryFile() as errors:
        process = _start(
            ["git", f"--git-dir={folder}", *arguments],
            environment(for_url=False),
            stderr=errors,
        )
        assert process.stdin is not None  # noqa: S101 - for the type checker
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            yield process.stdin, process.stdout
            with suppress(BrokenPipeError):
                process.stdin.close()
            status = process.wait()
        finally:
            process.kill()
            process.stdout.close()
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
        if status:
            errors.seek(0)
            raise GitError(in_words(errors.read()))


def run_guarded(arguments: Sequence[str], *, seconds: float, for_url: bool) -> bytes:
    """Run a command that talks to others; its output, or `GitError`.

    It has *seconds*, and neither it nor what it started outlives this program.
    """
    reading, writing = os.pipe()  # held open here alone: the guard sees it end
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = _start(
                ["sh", "-c", _GUARD, "sh", *arguments],
                environment(for_url=for_url),
                stdin=reading,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                msg = f"git took longer than {seconds:g} seconds, see read.git_seconds"
                raise GitError(msg) from None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        finally:
            os.close(reading)
            os.close(writing)
        if status:
            errors.seek(0)
            raise GitError(in_words(errors.read()))
        output.seek(0)
        return output.read()


def environment(*, for_url: bool) -> dict[str, str]:
    """Return the environment of a git command.

    The operator's own configuration, which may hold credentials, counts for a URL
    alone.
    """
    kept: Mapping[str, str] = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or (for_url and name not in _ELSEWHERE)
    }
    return {**kept, **_ALWAYS, **({} if for_url else _NOBODYS)}


def upload_pack() -> str:
    """Return the command that reads a repository here, whoever owns it.

    It runs nothing that the repository's own configuration names (git-upload-pack(1),
    SECURITY).
    """
    return shlex.join(["git", "-c", "safe.directory=*", "upload-pack"])


def in_words(errors: bytes) -> str:
    """Return the line of git's complaint that says most: its first fatal one."""
    lines = errors.decode("utf-8", "backslashreplace").splitlines()
    for prefix in ("fatal: ", "error: ", ""):
        for line in lines:
            # Of a failed ssh, the line before says more.
            if line.startswith(prefix) and line.strip() and line != _LOST_REMOTE:
                return " ".join(line.removeprefix(prefix).split())
    return "git ended without a word"


def _start(
    command: Sequence[str],
    variables: Mapping[str, str],
    *,
    stdin: int = subprocess.PIPE,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: IO[bytes],
    start_new_session: bool = False,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - no shell sees the arguments
            command,
            env=dict(variables),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=start_new_session,
        )
    except FileNotFoundError:
        msg = "the program git is not on the PATH: install it, or name a folder"
        raise GitError(msg) from None
