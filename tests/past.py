"""A git hub with a past: its commits, and the data directories it is read into."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.backfill import backfill
from flows.direct import run_direct
from flows.refresh import read_sources, refresh
from tasks.run import Job, Run, working_file
from tasks.settings import ReadSettings, Settings, SourceSettings
from tasks.steps import Steps
from tests.hub import MOMENT
from tests.repository import FIRST_SECOND, STEP_SECONDS, Work

OBSERVATIONS = """
select path, observed_at, title, heat, quality, is_published, observations.revision
from observations join documents using (document_id) order by path, observed_at
"""
VERSIONS = "select * from versions order by all"
SEEN = """
select split_part(path, '/', 2), (epoch(observed_at) - {}) // {}, title, heat
from observations join documents using (document_id) order by all
"""


class Past:
    """A git hub, and data directories that it is read into."""

    def __init__(self, folder: Path) -> None:
        self.work = Work(folder / "work")  # or the one that is there
        self.data = folder / "data"
        self.said: list[str] = []
        self.read = ReadSettings()

    def put(self, name: str, **fields: object) -> str:
        """Commit an article file of the hub, its fields a line each."""
        lines = [f"webUrl: https://news.example/{name}"]
        lines += [f"{key}: {value}" for key, value in fields.items()]
        return self.text(name, "\n".join(["---", *lines, "---", ""]))

    def text(self, name: str, content: str | None) -> str:
        """Commit a file of the hub as it is; None deletes it."""
        return self.work.commit(**{f"_news__{name}": content})

    def tell(
        self, story: Callable[[Run, Steps], None], data: Path | None = None
    ) -> dict[str, Any]:
        """Tell a story of the hub's one source, at the same moment each time."""
        place = SourceSettings(location=str(self.work.folder), name="hub")
        settings = Settings(sources=(place,), data=data or self.data, read=self.read)
        job = Job(
            settings,
            with_pages=False,
            with_images=False,
            moment=MOMENT,
            say=self.said.append,
        )
        return run_direct(story, job)

    def run(self) -> dict[str, Any]:
        """Refresh, and publish."""
        return self.tell(refresh)

    def backfill(self) -> dict[str, Any]:
        """Read all of the history, and publish."""
        return self.tell(backfill)

    def ask(self, statement: str, data: Path | None = None) -> list[tuple[Any, ...]]:
        """Ask the working file."""
        path = working_file(data or self.data)
        with duckdb.connect(str(path), read_only=True) as found:
            found.execute("set TimeZone = 'UTC'")
            return found.execute(statement).fetchall()

    def seen(self) -> list[tuple[Any, ...]]:
        """Return file, number of the commit, title and heat of each observation."""
        return self.ask(SEEN.format(FIRST_SECOND, STEP_SECONDS))


def just_read(run: Run, steps: Steps) -> None:
    """Refresh without publishing, which takes most of the time."""
    read_sources(run, steps)
    run.finish("complete")


def moment(number: int) -> datetime:
    """Return when the commit of that number was made, the first being 0."""
    return datetime.fromtimestamp(FIRST_SECOND + STEP_SECONDS * number, UTC)
