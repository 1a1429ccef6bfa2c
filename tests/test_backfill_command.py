"""`wirehouse backfill` as a user meets it, and on a real hub's history."""

from __future__ import annotations

import json
import os
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
import yaml

from tasks.articles import parse_article
from tasks.history import VersionReader, visible
from tasks.lock import hold_lock
from tasks.models import Rejection, SourceFile
from tasks.sources.git import Repository
from tests.hub import MOMENT, Hub
from tests.past import Past
from tests.test_cli import wirehouse

SHARED = Path(os.environ.get("SHARED_SETS", "/nowhere"))
BUNDLE = SHARED / "corpus" / "powerapps-history.bundle"


def test_a_history_is_read_into_an_empty_directory_and_published(
    tmp_path: Path,
) -> None:
    past = Past(tmp_path)
    past.put("a", title="one", heat=1)
    past.put("a", title="two", heat=1)

    done = wirehouse("backfill", "--source", past.work.folder, "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["loaded"], summary["versions"]) == (1, 2)
    with duckdb.connect(str(tmp_path / "data" / "news.duckdb"), read_only=True) as read:
        titles = read.execute("select title from observations order by observed_at")
        assert titles.fetchall() == [("one",), ("two",)]


def test_how_far_it_has_come_is_told_on_the_way(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.put("a", title="one")

    done = wirehouse("backfill", "--source", past.work.folder, cwd=tmp_path)

    assert "1 versions read, up to 2023-11-14" in done.stderr
    assert "versions  " in done.stdout


def test_a_folder_has_no_history(hub: Hub, tmp_path: Path) -> None:
    hub.write("a.md")

    done = wirehouse("backfill", "--source", hub.folder, cwd=tmp_path)

    line = f"wirehouse: source '{hub.folder}' has no history to read: name a git"
    assert done.returncode == 2
    assert done.stderr.replace("\n", " ").startswith(line)
    assert not (tmp_path / "data" / "news.duckdb").exists()


def test_sources_without_history_that_nobody_named_are_left_alone(
    hub: Hub, tmp_path: Path
) -> None:
    hub.write("a.md")
    past = Past(tmp_path / "git")
    past.put("a", title="one")
    sources = [str(hub.folder), str(past.work.folder)]
    settings = {"WIREHOUSE_SOURCES": json.dumps(sources)}

    done = wirehouse("backfill", "--json", cwd=tmp_path, **settings)

    assert json.loads(done.stdout)["files"] == 1


@pytest.mark.parametrize("sources", [[], ["--source", "nowhere"]])
def test_a_source_that_is_not_there_is_wrong_usage(
    tmp_path: Path, sources: list[str]
) -> None:
    assert wirehouse("backfill", *sources, cwd=tmp_path).returncode == 2


def test_a_held_data_directory_is_left_alone(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.put("a", title="one")
    with hold_lock(tmp_path / "data", MOMENT):
        done = wirehouse("backfill", "--source", past.work.folder, cwd=tmp_path)

    assert done.returncode == 3


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a real hub's back-fill, and a clone beside it."""
    if not BUNDLE.exists():
        pytest.skip(f"{BUNDLE} is not there: set SHARED_SETS")
    folder = tmp_path_factory.mktemp("real")
    done = wirehouse("backfill", "--source", BUNDLE, cwd=folder)
    assert done.returncode == 0, done.stderr
    clone = ["git", "clone", "--quiet", "--bare", str(BUNDLE), str(folder / "clone")]
    subprocess.run(clone, check=True)
    return folder


def test_every_version_of_a_real_hub_is_kept(real: Path) -> None:
    listed = git(
        real, "log", "--raw", "--no-renames", "--format=", "HEAD", "--", "_news"
    )
    expected = sum(line.endswith(".md") for line in listed.splitlines())

    with duckdb.connect(str(real / "data" / "news.duckdb"), read_only=True) as read:
        kept = read.execute("select count(*) from versions").fetchall()

    assert kept == [(expected,)]


def test_the_observations_of_a_real_hub_are_what_reading_each_version_says(
    real: Path,
) -> None:
    """Some files, each version of which is shown by git and read by PyYAML."""
    with duckdb.connect(str(real / "data" / "news.duckdb"), read_only=True) as read:
        read.execute("set TimeZone = 'UTC'")
        paths = [
            row[0] for row in read.execute("select path from documents").fetchall()
        ]
        draw = random.Random(0)  # noqa: S311 - a test's choices are no secret
        for path in draw.sample(sorted(paths), 25):
            observed = read.execute(
                """
                select observed_at, title, heat, quality, is_published
                from observations join documents using (document_id)
                where path = $path order by observed_at
                """,
                {"path": path},
            ).fetchall()
            assert observed == read_slowly(real, path), path


def test_every_version_of_a_real_hub_shows_what_parsing_all_of_it_says(
    real: Path,
) -> None:
    (mirror,) = (real / "data" / "mirrors").iterdir()
    repository = Repository(mirror)
    versions = repository.versions(repository.revision(), None, "_news")
    oids = dict.fromkeys(version.oid for version in versions if version.oid)
    reader = VersionReader()
    for content in repository.blobs(oids, 10_000_000):
        source = SourceFile(UUID(int=0), "", "", content or b"")
        expected = parse_article(source)
        found = reader.read(source.content)
        assert found is not None, "real hubs have no unusual version"
        if isinstance(expected, Rejection):
            assert found == expected
        else:
            assert found == visible(expected)


def read_slowly(real: Path, path: str) -> list[tuple[Any, ...]]:
    """Return what could be seen of a file whenever that changed, oldest first."""
    seen: list[tuple[Any, ...]] = []
    log = git(real, "log", "--reverse", "--format=%H %ct", "HEAD", "--", path)
    for line in log.splitlines():
        commit, seconds = line.split()
        front_matter = git(real, "show", f"{commit}:{path}").split("\n---")[0]
        fields = yaml.safe_load(front_matter)
        values = [fields.get(n) for n in ("title", "heat", "quality", "published")]
        if not seen or list(seen[-1][1:]) != values:
            seen.append((datetime.fromtimestamp(int(seconds), UTC), *values))
    return seen


def git(real: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(real / "clone"), *arguments],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout
