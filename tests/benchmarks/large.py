"""What is done to a large warehouse, each in a process of its own: prints its costs.

`python -m tests.benchmarks.large WORK DATA [HUB]`, WORK one of the functions here.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time, thread_time
from typing import Any

import duckdb

import tasks.publish
from flows.refresh import only_publish, read_sources
from tasks.files import copy_file, sync_file
from tasks.run import Job, open_run, working_file
from tasks.settings import Settings, SourceSettings
from tasks.steps import plain_steps
from tests.benchmarks.made import ADDRESS

BY_HAND = Path(__file__).with_name("by_hand")
ROUNDS = 3  # of which the least is taken: what another program took is none of ours
PARTS = {
    "_audit": "audits",
    "copy_bytes": "copy",
    "sync_file": "sync",
    "_write_parquet": "parquet",
    "write_report": "report",
}
Costs = dict[str, float]


def load(data: Path, hub: Path) -> Costs:
    """Load what changed in *hub*; publish nothing."""
    with open_run(_job(data, hub)) as run:
        before = process_time()
        read_sources(run, plain_steps())
        cost = process_time() - before
        run.finish("complete")
    return {"load": cost, "peak_mib": _peak_mib()}


def publish(data: Path, hub: Path) -> Costs:
    """Load what changed in *hub*, then publish; tell what the parts of that cost."""
    costs: Costs = {}
    for name, part in PARTS.items():
        _measure_calls(name, part, costs)
    with open_run(_job(data, hub)) as run:
        read_sources(run, plain_steps())
        before = process_time()
        only_publish(run, plain_steps())
        costs["publish"] = process_time() - before
    extras = sum(costs[part] for part in ("audits", "parquet", "report"))
    return {**costs, "file": costs["publish"] - extras, "peak_mib": _peak_mib()}


def copy(data: Path) -> Costs:
    """Copy the bytes of the working file, and bring them to the disk."""
    target = data / "copied"
    before = process_time()
    copy_file(working_file(data), target)
    sync_file(target)
    cost = process_time() - before
    size = target.stat().st_size
    target.unlink()
    return {"copy": cost, "bytes": size}


def ask(data: Path) -> Costs:
    """Ask every view and the same by hand, in turn."""
    costs: Costs = {}
    with duckdb.connect(str(working_file(data)), read_only=True) as file:
        file.execute("set threads = 1")
        for name in questions():
            for _ in range(ROUNDS):
                for way, statement in ways(name).items():
                    before = process_time()
                    whole = f"select count(*), sum(hash(a)) from ({statement}) as a"
                    named = "$address" in statement
                    file.execute(whole, {"address": ADDRESS} if named else None)
                    file.fetchall()
                    cost = process_time() - before
                    key = f"{way} {name}"
                    costs[key] = min(costs.get(key, cost), cost)
    return costs


def questions() -> list[str]:
    """Return the views and macros that are also asked by hand."""
    return sorted(path.stem for path in BY_HAND.glob("*.sql"))


def ways(name: str) -> dict[str, str]:
    """Return both ways to ask: the view or macro, and the statement by hand."""
    by_hand = (BY_HAND / f"{name}.sql").read_text(encoding="utf-8")
    call = f"{name}($address)" if "$address" in by_hand else name
    return {"view": f"from {call}", "hand": by_hand}


def _measure_calls(name: str, part: str, costs: Costs) -> None:
    """Let `tasks.publish` add the CPU seconds of a function of its own to *costs*."""
    function: Callable[..., Any] = getattr(tasks.publish, name)

    def measured(*arguments: Any, **options: Any) -> Any:
        before = thread_time()  # the file is copied by another one meanwhile
        try:
            return function(*arguments, **options)
        finally:
            costs[part] = costs.get(part, 0) + thread_time() - before

    setattr(tasks.publish, name, measured)


def _job(data: Path, hub: Path) -> Job:
    place = SourceSettings(location=str(hub), name="changed")
    settings = Settings(sources=(place,), data=data, keep_snapshots=1)
    return Job(settings, say=lambda _: None, with_pages=False, with_images=False)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    work, *places = sys.argv[1:]
    print(json.dumps(globals()[work](*map(Path, places))))
