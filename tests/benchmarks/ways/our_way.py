"""Fetch by the steps of a run: due pages, guard, robots, WARC, rows; no Prefect.

Run as `python -m tests.benchmarks.ways.our_way DATA PORT CONCURRENCY PER_HOST`, on a
data directory whose articles are loaded; prints how many pages were captured.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tasks.run import Job, open_run
from tasks.settings import FetchSettings, Settings
from tasks.steps import plain_steps


def main(data: Path, port: int, concurrency: int, per_host: int) -> int:
    """Capture all that is due in *data*, so many at once."""
    fetch = FetchSettings(
        concurrency=concurrency,
        per_host_concurrency=per_host,
        per_host_delay_seconds=0,
        ports=(port,),
        connect_to={"*.example": f"127.0.0.1:{port}"},
        archive_url="",
    )
    settings = Settings(data=data, fetch=fetch)
    with open_run(Job(settings, say=lambda _: None)) as run:
        steps = plain_steps()
        for pages in steps.due_pages(run):
            steps.fetch_pages(run, pages)
        steps.finish_pages(run)
        run.finish("complete")
        return run.counts["captured"]


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
