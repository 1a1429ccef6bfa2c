"""Real git repositories of a test's own, made by the git command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

FIRST_SECOND = 1_700_000_000  # when the first commit of each repository was made
STEP_SECONDS = 60  # each commit is a minute younger


class Work:
    """A work tree and its commits, each a minute after the last."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.commits = 0
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", *options)

    def git(self, *arguments: str) -> str:
        """Run git in the work tree and return what it prints."""
        moment = f"{FIRST_SECOND + STEP_SECONDS * self.commits} +0000"
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": moment,
            "GIT_COMMITTER_DATE": moment,
            **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "ada@x" for who in ("AUTHOR", "COMMITTER")},
        }
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *arguments],  # noqa: S607
            cwd=self.folder, env=environment, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def put(self, path: str, content: str | bytes) -> None:
        """Write a file of the work tree."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, **files: str | bytes | None) -> str:
        """Commit files by name, `__` for a slash, `.md` added; None deletes one."""
        for name, content in files.items():
            path = name.replace("__", "/") + ".md"
            if content is None:
                (self.folder / path).unlink()
            else:
                self.put(path, content)
        return self.commit_all()

    def merge(self, branch: str, **files: str | None) -> str:
        """Merge a branch; what both changed is as *files* say."""
        self.git(
            "merge", "--quiet", "--no-commit", "--no-ff", "--strategy=ours", branch
        )
        return self.commit(**files)

    def commit_all(self) -> str:
        """Commit the work tree as it is, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        self.commits += 1
        return self.git("rev-parse", "HEAD")
