"""A refresh as a Prefect flow run in this process, with somebody waiting for it."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flows.serve import HOST, is_healthy, prepare_environment
from flows.services import START_SECONDS, ServiceError, api_address, find_address
from tasks.run import IncompleteError, Job

STOP_SECONDS = 15.0  # a server that is told to end has little to finish


def run_attended(job: Job) -> dict[str, Any]:
    """Run the refresh flow against the server at hand, or one of its own."""
    with prefect_server(job.settings.data) as address:
        # Only now: Prefect reads its settings from the environment when imported.
        from flows import scheduled  # noqa: PLC0415
        from flows.heartbeats import without_prefects_own  # noqa: PLC0415

        told: list[dict[str, Any]] = []
        token, place = scheduled.asked.set(job), scheduled.told.set(told)
        try:
            options = scheduled.RefreshOptions(
                mode=_mode(job),
                with_pages=job.with_pages,
                with_images=job.with_images,
                sources=[place.label for place in job.settings.sources],
            )
            with without_prefects_own():
                return dict(scheduled.refresh(options))
        except IncompleteError as error:
            if error.summary is None:
                raise
            return error.summary
        except Exception:
            if not told:
                raise
            job.say("the Prefect server is gone, its page ends early; all is published")
            return told[0]
        finally:
            scheduled.asked.reset(token)
            scheduled.told.reset(place)
            scheduled.flush() if _answers(address) else scheduled.let_go()


def _answers(address: str) -> bool:
    """Tell whether the server is still there; one of another machine is taken so."""
    place = urlsplit(address)
    return place.hostname != HOST or is_healthy(place.port or 80)


def _mode(job: Job) -> Any:
    if job.full:
        return "full"
    return "retry_failed" if job.retry_failed else "incremental"


@contextmanager
def prefect_server(data: Path) -> Iterator[str]:
    """Give the address of a Prefect API: that is there, or is for this block alone.

    One that is there is named by `PREFECT_API_URL`, or was started by `wirehouse up`.
    Raises `ServiceError` when our own does not answer within `START_SECONDS`.
    """
    prepare_environment(data)
    if address := os.environ.get("PREFECT_API_URL") or find_address(data):
        os.environ["PREFECT_API_URL"] = address
        yield address
        return
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own module, by our interpreter
            [sys.executable, "-m", "flows.serve", "child", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the run, which then ends the server
        )
        try:
            os.environ["PREFECT_API_URL"] = api_address(port)
            # In the second that this takes, the server takes the first of its own.
            importlib.import_module("flows.scheduled")
            _wait_until_healthy(server, port, home / "server.log")
            yield os.environ["PREFECT_API_URL"]
        finally:
            os.environ.pop("PREFECT_API_URL", None)
            _stop(server)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_healthy(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if is_healthy(port):
            return
        time.sleep(0.1)
    msg = f"the Prefect server did not start; its log is {log}"
    raise ServiceError(msg)


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
