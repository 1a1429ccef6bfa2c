"""A hub of a test's own: articles written as front matter, run without Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tasks.settings import ReadSettings, Settings, SourceSettings

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def run_sources(
    data: Path,
    *places: SourceSettings,
    read: ReadSettings | None = None,
    keep_snapshots: int = 5,
    **options: Any,
) -> dict[str, Any]:
    """Refresh sources without the network and return the summary."""
    settings = Settings(
        sources=places,
        data=data,
        read=read or ReadSettings(),
        keep_snapshots=keep_snapshots,
    )
    values = {"with_pages": False, "with_images": False, "moment": MOMENT}
    job = Job(settings, **{"say": lambda _: None, **values, **options})
    return run_direct(refresh, job)


class Hub:
    """A folder of articles and the data directory that it is loaded into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "hub"
        self.data = folder / "data"
        (self.folder / "_news").mkdir(parents=True, exist_ok=True)

    def write(self, name: str, /, **fields: Any) -> Path:
        """Write the article file *name*; `webUrl` and `title` follow from it."""
        stem = name.removesuffix(".md")
        given = {"title": stem, "webUrl": f"https://news.example/{stem}", **fields}
        front_matter = yaml.safe_dump(given, allow_unicode=True, sort_keys=False)
        return self.write_text(f"_news/{name}", f"---\n{front_matter}---\n")

    def write_text(self, path: str, text: str) -> Path:
        """Write any file below the hub."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def remove(self, name: str) -> None:
        """Delete an article file."""
        (self.folder / "_news" / name).unlink()

    def run(self, data: Path | None = None, **options: Any) -> dict[str, Any]:
        """Refresh without the network and return the summary."""
        place = SourceSettings(location=str(self.folder), name="hub")
        return run_sources(data or self.data, place, **options)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the published file."""
        with duckdb.connect(str(self.data / "news.duckdb"), read_only=True) as found:
            return found.execute(statement).fetchall()


def related(*names: str, **fields: Any) -> list[Mapping[str, Any]]:
    """Return entries of `related` that lead to the articles *names*."""
    return [
        {"title": name, "webUrl": f"https://news.example/{name}", **fields}
        for name in names
    ]
