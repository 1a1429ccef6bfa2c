"""Runs of the command that break where they are told to, each in a forked child.

Started as a program of its own, which has imported all of Wirehouse once: each line of
its input is an `Order` in JSON, each line of its output how the run ended.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Some for their own sake: what is imported here is there in all children.
from flows import cli, direct, refresh  # noqa: F401
from tasks import publish, steps  # noqa: F401
from tasks.stages import articles, images, pages  # noqa: F401
from tasks.warehouse.engine import tables_written
from tasks.warehouse.working import Warehouse

# What makes something last, or takes it away: where a fault can leave half of it.
CALLS = ("fsync", "fdatasync", "replace", "rename", "link", "ftruncate")


class Points:
    """Counts the moments at which something lasting is done, and breaks one of them."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self.names: list[str] = []

    def install(self) -> None:
        """Stand before every door to the disk."""
        for name in CALLS:
            setattr(os, name, self._watched(name, getattr(os, name)))
        os.write = self._watched("write", os.write)
        execute = Warehouse._execute
        run = Warehouse.ask

        def watched_execute(own: Warehouse, statement: str, *rest: Any) -> Any:
            if statement in {"commit", "checkpoint"}:
                return self._watched(statement, execute)(own, statement, *rest)
            return execute(own, statement, *rest)

        def watched_run(own: Warehouse, name: str, *rest: Any) -> Any:
            if tables_written(name) and not own._is_transaction:
                return self._watched(f"commit of {name}", run)(own, name, *rest)
            return run(own, name, *rest)

        setattr(Warehouse, "_execute", watched_execute)  # noqa: B010 - on purpose
        setattr(Warehouse, "ask", watched_run)  # noqa: B010

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            self.names.append(name)
            is_here = len(self.names) == self._order.get("at")
            if is_here and self._order["what"] == "kill before":
                os.kill(os.getpid(), signal.SIGKILL)
            if is_here and self._order["what"] == "error":
                code = self._order["errno"]
                raise OSError(code, os.strerror(code))
            value = function(*arguments, **options)
            if is_here and self._order["what"] == "kill after":
                os.kill(os.getpid(), signal.SIGKILL)
            return value

        return watched


def run_one(order: dict[str, Any]) -> None:
    """Be the run that is ordered; never returns."""
    folder = Path(order["folder"])
    os.chdir(folder)
    with Path("said.txt").open("wb") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if limit := order.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    points = Points(order)
    status = 70
    if order["what"] != "nothing":
        points.install()
    try:
        sys.argv = ["wirehouse", *order.get("command", ["run", "--direct"])]
        cli.main()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0
    except BaseException:  # noqa: BLE001 - said, and told by the status
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if order["what"] == "count":
            Path("points.json").write_text(json.dumps(points.names))
        os._exit(status)


def main() -> None:
    """Fork a child for each order and tell how it ended, and after how long."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            run_one(order)
        sent = None
        if "signal" in order:
            time.sleep(order["after"])
            sent = time.monotonic()
            os.kill(child, order["signal"])
        _, status = os.waitpid(child, 0)
        seconds = time.monotonic() - sent if sent else 0.0
        answer = {"status": os.waitstatus_to_exitcode(status), "seconds": seconds}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer itself


if __name__ == "__main__":
    main()
